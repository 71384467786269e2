/**
 * An informer: a copy of a few kinds of objects, kept current by list and watch over a Client. Agents and gateways
 * see the world through it, as the controllers of a server see it through the store.
 */
import type { Client } from '../api/client/client.ts';
import { type Clock, sleep } from '../api/clock.ts';
import { ApiError, isApiError } from '../api/errors.ts';
import type { AnyObject, KindName } from '../api/kinds/index.ts';
import type { Log } from '../api/log.ts';
import type { Change, Reader, WatchOptions } from '../api/store.ts';
import type { ObjectSource } from './controller/controller.ts';
import { InformerLists } from './informer-lists.ts';
import { InformerSubscribers } from './informer-subscribers.ts';
import { MutableState } from './store/state.ts';

/** First pause before a broken watch is tried again; it doubles with each failure in a row. */
const RECONNECT_FIRST_MS = 50;
/** A server that is back is noticed this soon at the latest: shorter than any lease. */
const RECONNECT_MAX_MS = 2_000;

export interface InformerWatch {
  readonly kind: KindName;
  /** Only these objects, e.g. `spec.node=node-3`. One that ceases to match counts as deleted. */
  readonly fieldSelector?: string;
}

export interface InformerOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Log;
  /** 0 ≤ n < 1, for jitter. */
  readonly random: () => number;
  /** One a kind. */
  readonly watches: readonly InformerWatch[];
  /** Nothing is listed before it resolves; absent: at once. */
  readonly after?: Promise<unknown>;
  /**
   * Where no server can tell what is newest, it begins with what they have after so many ms: for who can do more good with that than
   * with nothing. Absent: it waits, and takes nothing that is missing for deleted.
   */
  readonly certainForMs?: number;
}

export interface Informer extends ObjectSource {
  /** Resolves when every kind was listed once; from then on `state` is a whole picture. */
  readonly synced: Promise<void>;
  /** The same, to be asked. */
  readonly isSynced: boolean;
  /** The store revision up to which `state` shows every change of this kind; 0 before it was listed. */
  revisionOf(kind: KindName): number;
  /** Calls back when the revision of a kind moved, after the changes up to it were told. */
  onRevision(callback: (kind: KindName, revision: number) => void): void;
  /** Calls back each time the server was heard from. */
  onContact(callback: () => void): void;
  /** Ends the watches; no callback is called any more. */
  close(): void;
}

/** Starts to follow at once, or when it may. */
export function createInformer(options: InformerOptions): Informer {
  return new ListWatchInformer(options);
}

class ListWatchInformer implements Informer {
  readonly synced: Promise<void>;
  isSynced = false;
  #isReasonSaid = false;
  readonly #options: InformerOptions;
  readonly #state = new MutableState();
  readonly #revisions = new Map<KindName, number>();
  readonly #subscribers: InformerSubscribers;
  readonly #onRevision = new Set<(kind: KindName, revision: number) => void>();
  readonly #onContact = new Set<() => void>();
  readonly #abort = new AbortController();
  readonly #lists: InformerLists;

  constructor(options: InformerOptions) {
    this.#options = options;
    const { client, clock, certainForMs = Number.POSITIVE_INFINITY } = options;
    this.#lists = new InformerLists(client, clock, certainForMs);
    this.#subscribers = new InformerSubscribers(options.log);
    const listed = options.watches.map(
      (watch) => new Promise<void>((resolve) => void this.#follow(watch, resolve)),
    );
    this.synced = Promise.all(listed).then(() => {
      this.isSynced = true;
    });
  }

  get state(): Reader {
    return this.#state;
  }

  revisionOf(kind: KindName): number {
    return this.#revisions.get(kind) ?? 0;
  }

  /** Of what is told from now on. @throws ApiError `Expired` where `after` asks for the past, which is not kept */
  subscribe(options: WatchOptions, onChange: (change: Change) => void): void {
    const { after, signal } = options;
    if (signal?.aborted) return;
    if (after !== undefined && after < this.#state.revision) {
      throw new ApiError(
        'Expired',
        `an informer keeps no history: it is at revision ${this.#state.revision}`,
      );
    }
    this.#subscribers.add(options, onChange);
  }

  onRevision(callback: (kind: KindName, revision: number) => void): void {
    this.#onRevision.add(callback);
  }

  onContact(callback: () => void): void {
    this.#onContact.add(callback);
  }

  close(): void {
    this.#abort.abort();
    this.#subscribers.clear();
    this.#onRevision.clear();
    this.#onContact.clear();
  }

  /** Until it is closed: lists, watches from there, and after a break goes on from the last revision it has seen. */
  async #follow(watch: InformerWatch, onListed: () => void): Promise<void> {
    const { client, clock, log, random, after } = this.#options;
    const { kind, fieldSelector } = watch;
    const { signal } = this.#abort;
    let isListed = false;
    let failures = 0;
    if (after) await after;
    while (!signal.aborted) {
      try {
        if (!isListed) {
          await this.#list(watch);
          isListed = true;
          onListed();
        }
        const request = {
          resourceVersion: String(this.revisionOf(kind)),
          bookmarks: true,
          signal,
          ...(fieldSelector === undefined ? {} : { fieldSelector }),
        };
        for await (const event of client.watch(kind, request)) {
          if (signal.aborted) return;
          failures = 0;
          this.#heard();
          if (event.type === 'BOOKMARK') this.#moveTo(kind, Number(event.resourceVersion));
          else this.#apply(event.type, event.object);
        }
      } catch (error) {
        if (signal.aborted) return;
        const reason = error instanceof Error ? error.message : String(error);
        if (isListed) log.debug({ kind, reason }, 'watch broke; it is taken up again');
        else this.#sayWhyNotListed(kind, reason);
        if (isApiError(error, 'Expired')) {
          isListed = false;
          // Nothing is wrong with the server, only the history ran out: at once, unless that goes on.
          if (failures++ === 0) continue;
        }
      }
      await sleep(clock, backoffMs(failures++, random), signal);
    }
  }

  /** Somebody waits for it. Once is enough: what is the reason for one kind is so for the others. */
  #sayWhyNotListed(kind: KindName, reason: string): void {
    const level = this.#isReasonSaid ? 'debug' : 'warn';
    this.#options.log[level]({ kind, reason }, 'what there is cannot be read yet; it is tried again');
    this.#isReasonSaid = true;
  }

  /** Lists, and tells what differs from what was known: changes in the order of their revisions, then what is gone. */
  async #list(watch: InformerWatch): Promise<void> {
    const { kind, fieldSelector } = watch;
    const list = await this.#lists.read(kind, fieldSelector, this.revisionOf(kind));
    if (this.#abort.signal.aborted) return;
    this.#heard();
    const revision = Number(list.resourceVersion);
    // Where an older state was restored, its objects may be another story than those of the same names known here.
    const wentBack = revision < this.revisionOf(kind);
    if (wentBack) this.#revisions.delete(kind);
    const listed = new Map(list.items.map((object) => [object.metadata.name, revisionOf(object)]));
    for (const object of this.#state.list(kind)) {
      const now = listed.get(object.metadata.name);
      if (now === undefined || (wentBack && now !== revisionOf(object))) this.#remove(object, revision);
    }
    for (const object of [...list.items].sort(byRevision)) this.#put(object);
    this.#moveTo(kind, revision);
  }

  /** What is not newer than what is known of the kind was told before: a watch may repeat after a break. */
  #apply(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: AnyObject): void {
    if (revisionOf(object) <= this.revisionOf(object.kind)) return;
    if (type === 'DELETED') this.#remove(object, revisionOf(object));
    else this.#put(object);
    this.#moveTo(object.kind, revisionOf(object));
  }

  /** A list that came after a watch may be no newer than what that has told. */
  #put(object: AnyObject): void {
    const old = this.#state.get(object.kind, object.metadata.name);
    const revision = revisionOf(object);
    if (old && revisionOf(old) >= revision) return;
    // Another object of the same name: whoever keeps something for the old one must hear that it is gone.
    const isSame = old?.metadata.uid === object.metadata.uid;
    if (old && !isSame) this.#remove(old, revision);
    this.#state.put(object);
    this.#state.revision = Math.max(this.#state.revision, revision);
    this.#subscribers.tell(
      old && isSame ? { type: 'modified', object, old, revision } : { type: 'added', object, revision },
    );
  }

  #remove(object: AnyObject, revision: number): void {
    const { kind, metadata } = object;
    if (!this.#state.remove(kind, metadata.name)) return;
    this.#state.revision = Math.max(this.#state.revision, revision);
    this.#subscribers.tell({ type: 'deleted', object, revision });
  }

  #moveTo(kind: KindName, revision: number): void {
    if (revision <= this.revisionOf(kind)) return;
    this.#revisions.set(kind, revision);
    this.#state.revision = Math.max(this.#state.revision, revision);
    for (const callback of this.#onRevision) callback(kind, revision);
  }

  #heard(): void {
    for (const callback of this.#onContact) callback();
  }
}

const revisionOf = (object: AnyObject): number => Number(object.metadata.resourceVersion);
const byRevision = (a: AnyObject, b: AnyObject): number => revisionOf(a) - revisionOf(b);

/** Half to full, so that all the agents of a fleet do not come back in the same moment. */
const backoffMs = (failures: number, random: () => number): number =>
  Math.min(RECONNECT_MAX_MS, RECONNECT_FIRST_MS * 2 ** Math.min(failures, 16)) * (0.5 + random() / 2);
