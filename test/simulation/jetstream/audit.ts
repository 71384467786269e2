/**
 * Compares what the servers' callers are told with the log as the NATS servers have it: what was acknowledged is there, what was
 * refused is not, nothing is there twice, and every commit was decided on what stood before it.
 */
import { isApiError } from '../../../api/errors.ts';
import { isEphemeral } from '../../../api/kinds/index.ts';
import { sameJson } from '../../../api/same-json.ts';
import type { Actor, Change, Committed, Decision, Reader, Write } from '../../../api/store.ts';
import { kindOf } from '../../../runtime/store/jetstream/decider.ts';
import { Feed } from '../../../runtime/store/jetstream/feed.ts';
import { type ReadSet, RecordingReader } from '../../../runtime/store/jetstream/read-set.ts';
import {
  ATTEMPT,
  BARRIER,
  type Entry,
  PREVIOUS,
  readEntry,
} from '../../../runtime/store/jetstream/records.ts';
import type { Outgoing } from '../../../runtime/store/jetstream/stream.ts';
import type { Subjects } from '../../../runtime/store/jetstream/subjects.ts';
import { MutableState } from '../../../runtime/store/state.ts';
import type { Complain } from '../world.ts';
import type { Stored } from './stream-log.ts';
import { incoming } from './tail.ts';

/** Somebody who waits for a commit. */
export interface Call {
  readonly number: number;
  /** The run of a server that was asked. */
  readonly run: string;
  readonly actor: Actor;
  outcome: 'open' | 'committed' | 'refused' | 'unknown';
  /** Why it was refused. */
  reason: string;
  /** Of the last decision: whether it puts lasting objects. */
  putsLasting: boolean;
  /** Where it is in the log; undefined: nowhere. */
  sequence: number | undefined;
}

/** Goes with the actor of a commit, wherever it is handed. */
export interface MarkedActor extends Actor {
  readonly call: number;
}

/** What a decision was based on, and whose it is. */
interface Decided {
  readonly call: Call;
  readonly reads: ReadSet;
}

export interface AuditOptions {
  readonly subjects: Subjects;
  readonly complain: Complain;
  /** Each change of the log, as it is committed. */
  readonly onChange: (change: Change, actor: Actor | undefined, state: Reader) => void;
}

export class Audit {
  /** What a copy shows that is up to date. */
  readonly state = new MutableState();
  readonly #options: AuditOptions;
  readonly #feed: Feed;
  readonly #calls: Call[] = [];
  /** What each record was decided on: one that is decided again has another id, and one that is sent again has the same place. */
  readonly #sent = new Map<string, Decided | undefined>();
  /** Decisions that were handed to another server, by their attempt. */
  readonly #handed = new Map<string, Decided>();
  readonly #leaders = new Map<string, string>();
  #committing: Decided | undefined;

  constructor(options: AuditOptions) {
    this.#options = options;
    this.#feed = new Feed({ state: this.state, onChanges: (changes) => this.#changed(changes) });
  }

  begin(run: string, actor: Actor): Call {
    const call: Call = {
      number: this.#calls.length,
      run,
      actor,
      outcome: 'open',
      reason: '',
      putsLasting: false,
      sequence: undefined,
    };
    this.#calls.push(call);
    return call;
  }

  callOf(actor: Actor): Call | undefined {
    return 'call' in actor && typeof actor.call === 'number' ? this.#calls[actor.call] : undefined;
  }

  committed(call: Call, { revision, objects }: Committed<unknown>): void {
    call.outcome = 'committed';
    const { complain } = this.#options;
    const lasting = objects.filter((object) => !isEphemeral(object.kind));
    if (call.putsLasting && call.sequence === undefined)
      complain('acknowledged', `${nameOf(call)} was acknowledged, and is not in the log`);
    if (lasting.length > 0 && revision > this.#feed.position)
      complain('acknowledged', `${nameOf(call)} is said to be at ${revision}, after the end of the log`);
    for (const object of lasting) {
      const { name, resourceVersion } = object.metadata;
      const shown = this.state.get(object.kind, name);
      if (shown?.metadata.resourceVersion === resourceVersion && !sameJson(shown, object))
        complain(
          'acknowledged',
          `${nameOf(call)} was answered with another ${object.kind} ${name} than is there`,
        );
    }
  }

  failed(call: Call, error: unknown): void {
    call.outcome = isApiError(error, 'Timeout') ? 'unknown' : 'refused';
    call.reason = error instanceof Error ? error.message : String(error);
    if (call.outcome === 'refused' && call.sequence !== undefined) this.#complainOfRefused(call);
  }

  /** A decision is about to be handed to another server. */
  handed(attempt: string, decided: Decided): void {
    this.#handed.set(attempt, decided);
  }

  /** A record was sent, for the first time or again. @param onHead what this server decided last at that place */
  sent({ subject, headers, after }: Outgoing, onHead: Decided | undefined): void {
    // Nobody has decided it.
    if (subject === this.#options.subjects.internal(BARRIER)) return;
    const attempt = headers[ATTEMPT] ?? '';
    const key = placeOf(attempt, after, headers[PREVIOUS] ?? '');
    // Parts of a commit go with its first record.
    if (attempt.includes('.') || this.#sent.has(key)) return;
    const handed = this.#handed.get(attempt.replace(/~\d+$/, ''));
    this.#sent.set(key, handed && handed.call === onHead?.call ? handed : onHead);
  }

  /** Records were committed. */
  stored(records: readonly Stored[]): void {
    for (const record of records) {
      const entry = readEntry(incoming(record), this.#options.subjects);
      if (!entry.id.includes('.')) this.#first(entry);
      try {
        this.#feed.take(entry);
      } catch (error) {
        this.#options.complain('linked', error instanceof Error ? error.message : String(error));
      }
    }
  }

  get position(): number {
    return this.#feed.position;
  }

  /** The first record of a commit, or its only one. */
  #first({ id, sequence, previous }: Entry): void {
    const decided = this.#sent.get(placeOf(id, sequence - 1, previous));
    this.#committing = decided;
    if (!decided) return;
    const { call, reads } = decided;
    const { complain } = this.#options;
    if (call.sequence !== undefined)
      complain('once', `${nameOf(call)} is in the log at ${call.sequence}, and again at ${sequence}`);
    call.sequence = sequence;
    if (call.outcome === 'refused') this.#complainOfRefused(call);
    const why = whyOutdated(reads, this.state);
    if (why !== undefined)
      complain('serializable', `${nameOf(call)} at ${sequence} was decided on another state: ${why}`);
    this.#checkTerm(call);
  }

  #checkTerm({ actor, run }: Call): void {
    const { leadership } = actor;
    if (!leadership) return;
    const key = `${leadership.name} of term ${leadership.term}`;
    const leader = this.#leaders.get(key) ?? run;
    this.#leaders.set(key, leader);
    if (leader !== run) this.#options.complain('term', `${run} and ${leader} both commit as ${key}`);
    const current = this.state.get('Leadership', leadership.name)?.spec.term;
    if (current !== leadership.term)
      this.#options.complain('term', `${run} commits as ${key}, and its term is ${current}`);
  }

  #changed(changes: readonly Change[]): void {
    const actor = this.#committing?.call.actor;
    for (const change of changes) this.#options.onChange(change, actor, this.state);
  }

  #complainOfRefused(call: Call): void {
    this.#options.complain(
      'refused',
      `${nameOf(call)} was refused (${call.reason}), and is at ${call.sequence}`,
    );
  }
}

/** Of a record in the log. */
const placeOf = (attempt: string, after: number, previous: string): string =>
  `${attempt}@${after} ${previous}`;

const nameOf = ({ number, run, actor }: Call): string => `commit ${number} of ${actor.user} by ${run}`;

/** Why what was read does not stand in a state; undefined: it does. */
function whyOutdated({ revision, objects, keys, kinds }: ReadSet, state: MutableState): string | undefined {
  for (const [kind, name, version] of objects) {
    const now = state.get(kind, name)?.metadata.resourceVersion ?? '';
    if (now !== version) return `${kind} ${name} was ${version || 'absent'}, and is ${now || 'absent'}`;
  }
  for (const [kind, index, key, count] of keys) {
    const found = state.byIndex(kind, index, key);
    if (found.length !== count || found.some(({ metadata }) => Number(metadata.resourceVersion) > revision))
      return `${kind} by ${index} ${key}`;
  }
  const kind = kinds.find((each) => state.changedAt(each) > revision);
  return kind && `${kind} changed at ${state.changedAt(kind)}, after ${revision}`;
}

/** Follows what one run of a server decides, to know whose each record is that it sends. */
export class Decisions {
  readonly #audit: Audit;
  /** Decided in this very turn: an attempt that is made now is handed to another server. */
  #fresh: Decided | undefined;
  /** By the revision that it was decided on. */
  readonly #onHead = new Map<number, Decided>();
  readonly #latest = new Map<Call, Decided>();

  constructor(audit: Audit) {
    this.#audit = audit;
  }

  /** The same decision, watched. */
  watch<T>(call: Call, decide: (state: Reader) => Decision<T>): (state: Reader) => Decision<T> {
    return (state) => {
      const reader = new RecordingReader(state);
      const decision = decide(reader);
      call.putsLasting = decision.writes.some((write) => write.type === 'put' && !isEphemeral(kindOf(write)));
      const decided = { call, reads: reader.readSet() };
      this.#latest.set(call, decided);
      this.#fresh = decided;
      queueMicrotask(() => {
        this.#fresh = undefined;
      });
      return decision;
    };
  }

  madeAttempt(attempt: string): void {
    if (this.#fresh) this.#audit.handed(attempt, this.#fresh);
  }

  /** The rules were asked about what is to follow upon a revision. */
  admitted({ revision }: Reader, writes: readonly Write[], actor: Actor): void {
    if (writes.every((write) => isEphemeral(kindOf(write)))) return;
    const call = this.#audit.callOf(actor);
    if (call) this.#onHead.set(revision, this.#latest.get(call) ?? { call, reads: NOTHING_READ });
  }

  sent(record: Outgoing): void {
    this.#audit.sent(record, this.#onHead.get(record.after));
  }
}

const NOTHING_READ: ReadSet = { revision: 0, objects: [], keys: [], kinds: [] };
