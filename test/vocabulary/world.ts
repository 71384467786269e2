/** A world for controllers: the real store, rules and API, and a clock that stands still until the test moves it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '../../api/client/client.ts';
import { createLocalClient } from '../../api/client/local.ts';
import { type AnyObject, KIND_NAMES, type KindName, type ObjectOf } from '../../api/kinds/index.ts';
import { type Log, silentLog } from '../../api/log.ts';
import { admission } from '../../api/rules/index.ts';
import { ApiService } from '../../api/server/service.ts';
import type { Actor, Admission, Store, Write } from '../../api/store.ts';
import {
  type ControllerDefinition,
  type Environment,
  type RunningController,
  runController,
} from '../../runtime/controller/controller.ts';
import type { AnyCommand } from '../../runtime/controller/machine.ts';
import type { EventRecorder } from '../../runtime/events.ts';
import { openEmbeddedStore } from '../../runtime/store/embedded.ts';
import { flushMicrotasks, START_MS, VirtualClock } from './clock.ts';

/** Writes what a test says is there, past the rules. */
const SEEDER: Actor = { user: 'test', groups: [] };
const CONTROLLER: Actor = { user: 'system:controller:test', groups: [] };
const ruled: Admission = (before, writes, actor) => {
  if (actor !== SEEDER) admission(before, writes, actor);
};

/** Rounds of work that may follow one step of a test; more is a loop that never rests. */
const MAX_ROUNDS = 2_000;
/** Quiet rounds in a row after which nothing more is under way. */
const QUIET_ROUNDS = 3;

export interface WorldOptions {
  /** What is there at the start, whatever the rules would say. */
  readonly objects?: readonly AnyObject[];
  readonly startMs?: number;
}

export interface World {
  readonly clock: VirtualClock;
  readonly environment: Environment;
  /** What the controllers write with: the rules hold for it. */
  readonly client: Client;
  readonly store: Store;
  readonly service: ApiService;
  /** A client that acts as somebody else: an agent, an operator. `settle` waits for its calls, too. */
  clientOf(actor: Actor): Client;
  /** Events that were recorded: `Warning NoPlace service/web: …`. */
  readonly events: readonly string[];
  /** Reconciles that threw. */
  readonly failures: readonly string[];
  /** Writes that controllers and the test asked the client for: `patch Alloc/web-0`. */
  readonly writes: readonly string[];
  /** Runs a controller until `close`, and waits until it has done what there is to do. */
  run<K extends KindName, F, C extends AnyCommand, S extends string>(
    definition: ControllerDefinition<K, F, C, S>,
  ): Promise<RunningController>;
  /** Creates or replaces objects as they are, past the rules, and settles. */
  put(...objects: AnyObject[]): Promise<void>;
  /**
   * Makes these objects all that there is, in one commit and past the rules. It does not settle.
   * @param objects asked for them in the turn in which they are committed
   */
  replace(objects: () => readonly AnyObject[]): Promise<void>;
  /** Takes an object away, past its finalizers, and settles. */
  remove(kind: KindName, name: string): Promise<void>;
  /** The object. @throws where there is none */
  get<K extends KindName>(kind: K, name: string): ObjectOf<K>;
  find<K extends KindName>(kind: K, name: string): ObjectOf<K> | undefined;
  list<K extends KindName>(kind: K): readonly ObjectOf<K>[];
  /** Waits until no controller works and no call is under way. Time does not move. */
  settle(): Promise<void>;
  /** Moves time on, settling after each timer. */
  advance(ms: number): Promise<void>;
  /** Time passes in which nothing runs, as on a machine that is paused. */
  standStill(ms: number): Promise<void>;
  close(): Promise<void>;
}

export async function createWorld(options: WorldOptions = {}): Promise<World> {
  const clock = new VirtualClock(options.startMs ?? START_MS);
  const dir = await mkdtemp(join(tmpdir(), 'mill-world-'));
  const store = await openEmbeddedStore({ dir, clock, log: silentLog, admission: ruled });
  const service = new ApiService({ store, clock, admission });
  const writes: string[] = [];
  const events: string[] = [];
  const failures: string[] = [];
  const pending = new Set<Promise<unknown>>();
  const clientOf = (actor: Actor) => followed(createLocalClient(service, actor), writes, pending);
  const client = clientOf(CONTROLLER);
  const controllers: RunningController[] = [];
  const environment: Environment = {
    source: store,
    client,
    clock,
    random: seededRandom(),
    log: recordingLog(failures),
    events: recordingEvents(events),
  };
  const settle = async () => {
    for (let round = 0, quiet = 0; quiet < QUIET_ROUNDS; round++) {
      if (round > MAX_ROUNDS) throw new Error(`the world does not come to rest; last: ${writes.slice(-3)}`);
      await Promise.allSettled(pending);
      await flushMicrotasks();
      const busy = pending.size > 0 || controllers.some((controller) => controller.queued() > 0);
      quiet = busy ? 0 : quiet + 1;
    }
  };
  const seed = (write: readonly Write[]) =>
    store.commit(SEEDER, () => ({ writes: write, result: undefined }));
  await seed((options.objects ?? []).map((object) => ({ type: 'put', object })));
  const find = <K extends KindName>(kind: K, name: string) => store.state.get(kind, name);
  return {
    clock,
    environment,
    client,
    store,
    service,
    clientOf,
    events,
    failures,
    writes,
    async run(definition) {
      const controller = runController(definition, environment);
      controllers.push(controller);
      await settle();
      return controller;
    },
    async put(...objects) {
      await seed(objects.map((object) => ({ type: 'put', object })));
      await settle();
    },
    async replace(objects) {
      const commit = store.commit(SEEDER, (before) => {
        const wanted = objects();
        const kept = new Set(wanted.map(({ kind, metadata }) => `${kind}/${metadata.name}`));
        const gone = KIND_NAMES.flatMap((kind) => before.list(kind)).filter(
          ({ kind, metadata }) => !kept.has(`${kind}/${metadata.name}`),
        );
        const deletions = gone.map(
          ({ kind, metadata: { name } }) => ({ type: 'delete', kind, name }) as const,
        );
        const puts = wanted.map((object) => ({ type: 'put', object }) as const);
        return { writes: [...deletions, ...puts], result: undefined };
      });
      await follow(commit, pending);
    },
    async remove(kind, name) {
      await seed([{ type: 'delete', kind, name }]);
      await settle();
    },
    get(kind, name) {
      const object = find(kind, name);
      if (!object) throw new Error(`there is no ${kind} "${name}"`);
      return object;
    },
    find,
    list: (kind) => store.state.list(kind),
    settle,
    advance: (ms) => clock.advance(ms, settle),
    standStill: (ms) => clock.standStill(ms, settle),
    async close() {
      for (const controller of controllers) await controller.stop();
      await store.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

const WRITES = ['create', 'update', 'updateStatus', 'patch', 'delete'] as const;

/** The client, with every write noted and awaited by `settle`. */
function followed(client: Client, writes: string[], pending: Set<Promise<unknown>>): Client {
  return new Proxy(client, {
    get(target, property) {
      const method = Reflect.get(target, property) as (...args: unknown[]) => unknown;
      if (!(WRITES as readonly (string | symbol)[]).includes(property)) return method.bind(target);
      return (...args: unknown[]) => {
        const [first, second] = args;
        const object = first as AnyObject;
        const id =
          typeof first === 'string' ? `${first}/${second}` : `${object.kind}/${object.metadata.name}`;
        writes.push(`${String(property)} ${id}`);
        return follow(Promise.resolve(method.apply(target, args)), pending);
      };
    },
  });
}

/** `settle` waits for the call. */
function follow<T>(call: Promise<T>, pending: Set<Promise<unknown>>): Promise<T> {
  pending.add(call);
  const done = () => pending.delete(call);
  call.then(done, done);
  return call;
}

function recordingEvents(events: string[]): EventRecorder {
  const record = (type: string) => (regarding: AnyObject, reason: string, message: string) => {
    events.push(`${type} ${reason} ${regarding.kind.toLowerCase()}/${regarding.metadata.name}: ${message}`);
  };
  return { normal: record('Normal'), warning: record('Warning') };
}

/** Warnings and errors are kept: a controller logs when a reconcile throws. */
function recordingLog(failures: string[]): Log {
  const record = (fields: object, message: string) => {
    failures.push(`${message}: ${JSON.stringify(fields)}`);
  };
  const log: Log = { debug() {}, info() {}, warn: record, error: record, child: () => log };
  return log;
}

/** The same numbers in every run (mulberry32). */
export function seededRandom(seed = 1): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
