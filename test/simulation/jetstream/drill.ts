/** The engines of several servers alone, with callers that read, decide and write without a rest, under every fault there is. */
import { ApiError } from '../../../api/errors.ts';
import type { AnyObject } from '../../../api/kinds/index.ts';
import { type Log, silentLog } from '../../../api/log.ts';
import type { Decision, Reader } from '../../../api/store.ts';
import { event, lease } from '../../conformance/objects.ts';
import { SimulatedProcess } from '../process.ts';
import { between, integer, type Random, Randomness } from '../randomness.ts';
import { Timeline } from '../timeline.ts';
import { Audit } from './audit.ts';
import { Switchboard } from './channel.ts';
import { NatsWay } from './connection.ts';
import { type Breakable, mendNats, strikeNats } from './faults.ts';
import { TICKS_TO_SETTLE, whyDifferent } from './fleet.ts';
import { OBJECTS, SimulatedNats } from './nats.ts';
import { drawNats, drawNatsFault, drawTogether, type NatsFault, type NatsPlan } from './plan.ts';
import { JetStreamStore } from './store.ts';

/** Faults begin until then; in virtual milliseconds since the beginning. */
const FAULTS_UNTIL_MS = 9_000;
const MEND_AT_MS = 15_000;
/** Elections, the longest wait of a commit, and then some. */
const REST_WITHIN_MS = 30_000;
const CALLERS = 3;
const OBJECTS_USED = 6;
const WHAT = ['count', 'count', 'two', 'all', 'delete', 'lease', 'read'];

export interface DrillPlan {
  readonly seed: number;
  readonly nats: NatsPlan;
  /** Who decides for all changes so often; absent: nobody does. */
  readonly writerForMs: number | undefined;
  readonly steps: readonly ((NatsFault | Crash) & { readonly atMs: number })[];
}

/** A server dies between two steps, and comes back. */
interface Crash {
  readonly do: 'crash';
  readonly server: number;
  readonly steps: number;
  readonly forMs: number;
}

export interface DrillResult {
  readonly violation: string | undefined;
  readonly story: readonly string[];
  readonly commits: number;
  readonly events: number;
}

export function drawDrill(seed: number): DrillPlan {
  const random = new Randomness(seed).stream('drill');
  const nats = drawTogether(new Randomness(seed).stream('together'), drawNats(random));
  const steps = Array.from({ length: integer(random, 0, 8) }, () => {
    const atMs = Math.round(between(random, 200, FAULTS_UNTIL_MS));
    const server = integer(random, 0, nats.servers - 1);
    const forMs = Math.round(between(random, 50, 4_000));
    return random() < 0.3
      ? ({ do: 'crash', server, steps: integer(random, 1, 60), forMs, atMs } as const)
      : { ...drawNatsFault(random, nats), atMs };
  });
  const writerForMs = random() < 0.3 ? undefined : Math.round(between(random, 300, 9_000));
  return { seed, nats, writerForMs, steps: steps.sort((a, b) => a.atMs - b.atMs) };
}

export async function runDrill(plan: DrillPlan): Promise<DrillResult> {
  const drill = new Drill(plan);
  await drill.run();
  const { violation, story, audit, timeline } = drill;
  return { violation, story, commits: audit.position, events: timeline.fired };
}

interface Running {
  readonly process: SimulatedProcess;
  readonly store: JetStreamStore;
}

class Drill implements Breakable {
  readonly timeline = new Timeline();
  readonly random: Random;
  readonly nats: SimulatedNats;
  readonly audit: Audit;
  readonly ways: readonly NatsWay[];
  readonly story: string[] = [];
  violation: string | undefined;
  readonly #plan: DrillPlan;
  readonly #randomness: Randomness;
  readonly #switchboard = new Switchboard();
  readonly #running = new Map<number, Running>();
  #runs = 0;
  #isCalling = true;
  #callers = 0;

  constructor(plan: DrillPlan) {
    this.#plan = plan;
    this.#randomness = new Randomness(plan.seed);
    this.timeline.ticksToSettle = TICKS_TO_SETTLE;
    this.random = this.#randomness.stream('faults');
    this.audit = new Audit({
      subjects: OBJECTS,
      complain: (invariant, message) => this.#complain(`${invariant}: ${message}`),
      onChange: ({ type, object, revision }) => this.#note(`log ${revision} ${type} ${object.metadata.name}`),
    });
    this.nats = new SimulatedNats({
      timeline: this.timeline,
      random: this.#randomness.stream('nats'),
      plan: plan.nats,
      onObjects: (records) => this.audit.stored(records),
      onLeases: () => {},
      onLeasesLost: () => this.#note('all leases are lost'),
    });
    this.ways = Array.from({ length: plan.nats.servers }, () => new NatsWay());
  }

  processOf(server: number): SimulatedProcess | undefined {
    return this.#running.get(server)?.process;
  }

  connectionOf(server: number) {
    return this.#running.get(server)?.store.connection;
  }

  async run(): Promise<void> {
    const { timeline } = this;
    const isOver = () => this.violation !== undefined;
    for (const server of this.ways.keys()) this.#start(server);
    for (const step of this.#plan.steps) {
      timeline.after(step.atMs, () => {
        this.#note(`fault ${JSON.stringify(step)}`);
        if (step.do !== 'crash') strikeNats(this, step);
        else this.processOf(step.server)?.crashAfter(step.steps, () => this.#crash(step));
      });
    }
    if (!(await timeline.runUntil(MEND_AT_MS, isOver))) return;
    this.#note('everything is mended');
    mendNats(this);
    for (const server of this.ways.keys()) this.#start(server);
    if (!(await timeline.runUntil(MEND_AT_MS + REST_WITHIN_MS / 3, isOver))) return;
    this.#isCalling = false;
    if (!(await timeline.runUntil(MEND_AT_MS + REST_WITHIN_MS, isOver))) return;
    this.#lookAtRest();
  }

  #start(server: number): void {
    const way = this.ways[server];
    if (this.processOf(server)?.isAlive || !way) return;
    const run = `server-${server}/${++this.#runs}`;
    this.#note(`${run} starts`);
    const random = this.#randomness.stream(run);
    const process = new SimulatedProcess({
      name: run,
      timeline: this.timeline,
      random,
      time: { offsetMs: 0, rate: 1 },
    });
    const store = new JetStreamStore({
      nats: this.nats,
      way,
      switchboard: this.#switchboard,
      audit: this.audit,
      process,
      server: `server-${server}`,
      run,
      admission: () => {},
      writer: () => this.#writer(),
      log: this.#log(run),
    });
    this.#running.set(server, { process, store });
    void store.loaded.then(() => {
      this.#note(`${run} is loaded at ${store.state.revision}`);
      for (let caller = 0; caller < CALLERS; caller++) void this.#call(process, store);
    });
  }

  #crash({ server, forMs }: Crash): void {
    this.#note(`server-${server} dies`);
    this.processOf(server)?.kill();
    this.timeline.after(forMs, () => this.#start(server));
  }

  #writer(): string | undefined {
    const { writerForMs, nats } = this.#plan;
    if (writerForMs === undefined) return undefined;
    return `server-${Math.floor(this.timeline.elapsedMs / writerForMs) % nats.servers}`;
  }

  async #call(process: SimulatedProcess, store: JetStreamStore): Promise<void> {
    const { random, timeline } = process;
    const actor = { user: process.name, groups: [] };
    while (process.isAlive && this.#isCalling) {
      const { what, decide, isLease } = drawDecision(random, timeline.elapsedMs);
      this.#callers += 1;
      const before = store.state.revision;
      await store
        .commit(actor, decide, isLease ? { kind: 'Lease' } : {})
        .then(
          ({ revision }) => {
            if (!isLease && store.state.revision < revision) this.#complain(`own: ${what} is not shown`);
            return `is at ${revision}`;
          },
          (error: unknown) => `${error instanceof Error ? error.message : error}`,
        )
        .then((outcome) => this.#note(`${process.name} ${what} at ${before}: ${outcome}`));
      this.#callers -= 1;
      await timeline.wait(random() < 0.3 ? 0 : between(random, 0, 900));
      await process.running();
    }
  }

  #lookAtRest(): void {
    if (this.#callers > 0 && this.#plan.steps.every((step) => step.do !== 'crash'))
      this.#complain(`rest: ${this.#callers} callers wait for ever`);
    for (const { process, store } of this.#running.values()) {
      const why = whyDifferent(store.state, this.audit.state);
      if (why !== undefined) this.#complain(`copies: ${process.name}: ${why}`);
      const { unwritable, staleSinceMs } = store.health;
      if (unwritable !== undefined || staleSinceMs !== undefined)
        this.#complain(`health: ${process.name}: ${unwritable ?? 'stale'}`);
    }
  }

  #log(run: string): Log {
    const log: Log = {
      ...silentLog,
      error: (fields, message) => this.#complain(`alarm: ${run}: ${message} ${JSON.stringify(fields)}`),
      child: () => log,
    };
    return log;
  }

  #complain(what: string): void {
    this.violation ??= what;
    this.#note(`VIOLATED ${what}`);
  }

  #note(text: string): void {
    this.story.push(`${(this.timeline.elapsedMs / 1_000).toFixed(4).padStart(9)} ${text}`);
  }
}

interface Drawn {
  readonly what: string;
  readonly isLease: boolean;
  readonly decide: (state: Reader) => Decision<unknown>;
}

/** Counts in one object, or in two at once; looks at all before it writes one; deletes, makes again, refuses, and only reads. */
function drawDecision(random: Random, now: number): Drawn {
  const one = `e-${integer(random, 0, OBJECTS_USED - 1)}`;
  const other = `e-${integer(random, 0, OBJECTS_USED - 1)}`;
  const put = (object: AnyObject) => ({ type: 'put', object }) as const;
  const counted = (state: Reader, name: string) =>
    put(event(name, String(Number(state.get('Event', name)?.spec.message ?? 0) + 1)));
  const kind = integer(random, 0, 6);
  const decide = (state: Reader): Decision<unknown> => {
    switch (kind) {
      case 0:
      case 1:
        return { writes: [counted(state, one)], result: undefined };
      case 2: {
        const writes = [counted(state, one), ...(one === other ? [] : [counted(state, other)])];
        return { writes, result: undefined };
      }
      case 3: {
        const count = state.list('Event').length;
        return { writes: [put(event(one, String(count)))], result: undefined };
      }
      case 4:
        if (!state.get('Event', one)) throw new ApiError('NotFound', `there is no ${one}`);
        return {
          writes: [{ type: 'delete', kind: 'Event', name: one }, counted(state, other)],
          result: undefined,
        };
      case 5:
        return { writes: [put(lease(`l-${one}`, Math.floor(now)))], result: undefined };
      default:
        return { writes: [], result: state.count('Event') };
    }
  };
  const what = `${WHAT[kind]} ${one} ${other}`;
  return { what, isLease: kind === 5, decide };
}
