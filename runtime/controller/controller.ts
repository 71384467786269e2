/** What a controller declares, and the loop that runs it: get, observe, decide, act, report. */
import type { AnyStateMachine } from 'xstate';
import type { Client } from '../../api/client/client.ts';
import type { Clock } from '../../api/clock.ts';
import { isApiError } from '../../api/errors.ts';
import type { KindName, ObjectOf } from '../../api/kinds/index.ts';
import type { Log } from '../../api/log.ts';
import { sameJson } from '../../api/same-json.ts';
import type { Change, Reader, Store } from '../../api/store.ts';
import type { EventRecorder } from '../events.ts';
import { type AnyCommand, climb } from './machine.ts';
import { WorkQueue } from './queue.ts';

/** Where a controller sees objects: the server's own store, or an agent's informer. */
export type ObjectSource = Pick<Store, 'state' | 'subscribe'>;

/** Everything a controller stands on; handed in. */
export interface Environment {
  readonly source: ObjectSource;
  readonly client: Client;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly events: EventRecorder;
}

/** What the functions of a controller are given. */
export interface Context extends Environment {
  readonly reader: Reader;
  readonly nowMs: number;
}

type StatusOf<K extends KindName> = ObjectOf<K>['status'];

/** A function for each command of the union; a command without one does not compile. */
export type CommandTable<K extends KindName, C extends AnyCommand> = {
  readonly [T in C['type']]: (
    params: Extract<C, { type: T }>['params'],
    context: Context & { readonly object: ObjectOf<K> },
  ) => Promise<void>;
};

export interface ControllerDefinition<K extends KindName, Facts, C extends AnyCommand, State extends string> {
  readonly name: string;
  /** The kind whose objects it reconciles; its keys are their names. */
  readonly kind: K;
  /** For each kind that it follows: which keys a change concerns. */
  readonly watches: { readonly [W in KindName]?: (object: ObjectOf<W>, reader: Reader) => Iterable<string> };
  /** Things outside the store that make a key worth another look (a process that ended, a probe). */
  readonly listen?: (enqueue: (key: string) => void, signal: AbortSignal) => void;
  readonly observe: (object: ObjectOf<K>, context: Context) => Facts | Promise<Facts>;
  readonly machine: AnyStateMachine;
  readonly commands: CommandTable<K, C>;
  /** The whole new status; written only where it differs. Absent: its commands write what there is to say. */
  readonly report?: (object: ObjectOf<K>, facts: Facts, state: State, nowMs: number) => StatusOf<K>;
  /** The earliest time (ms since the epoch) at which the facts change by time alone. */
  readonly wakeAt?: (facts: Facts, state: State) => number | undefined;
  /** Called when an object is gone, for what is kept beside it. */
  readonly forget?: (key: string, context: Context) => void | Promise<void>;
  readonly concurrency?: number;
}

export interface RunningController {
  readonly name: string;
  /** Keys that wait or are worked on. */
  readonly queued: () => number;
  /** Resolves when no key waits or is worked on: what has happened so far is acted on and reported. */
  readonly idle: () => Promise<void>;
  stop(): Promise<void>;
}

/** Runs a controller until it is stopped: every object once at the start, then whatever its watches name. */
export function runController<K extends KindName, Facts, C extends AnyCommand, State extends string>(
  definition: ControllerDefinition<K, Facts, C, State>,
  environment: Environment,
): RunningController {
  const { source, clock, random } = environment;
  const log = environment.log.child({ controller: definition.name });
  const abort = new AbortController();
  const queue = new WorkQueue({
    clock,
    random,
    ...(definition.concurrency === undefined ? {} : { concurrency: definition.concurrency }),
    work: (key) => reconcile(definition, environment, { key, log, queue, signal: abort.signal }),
    onError: (key, error, retryInMs) =>
      log.warn(
        { key, error: describe(error), retryInMs: Math.round(retryInMs) },
        'reconcile failed; it is tried again',
      ),
  });
  source.subscribe(
    { kinds: Object.keys(definition.watches) as KindName[], signal: abort.signal },
    (change) => {
      for (const key of keysOf(definition, change, source.state)) queue.add(key);
    },
  );
  definition.listen?.((key) => queue.add(key), abort.signal);
  for (const object of source.state.list(definition.kind)) queue.add(object.metadata.name);
  return {
    name: definition.name,
    queued: () => queue.size,
    idle: () => queue.idle(),
    async stop() {
      abort.abort();
      await queue.close();
    },
  };
}

interface Pass {
  readonly key: string;
  readonly log: Log;
  readonly queue: WorkQueue;
  /** Of the controller that it belongs to. */
  readonly signal: AbortSignal;
}

/** The reconcile: every pass judges by what is there now, and nothing is remembered between two passes. */
async function reconcile<K extends KindName, Facts, C extends AnyCommand, State extends string>(
  definition: ControllerDefinition<K, Facts, C, State>,
  { source, client, clock, random, events }: Environment,
  { key, log, queue, signal }: Pass,
): Promise<void> {
  const reader = source.state;
  const context: Context = { source, client, clock, random, events, log, reader, nowMs: clock.now() };
  const object = reader.get(definition.kind, key);
  if (!object) return definition.forget?.(key, context);
  const facts = await definition.observe(object, context);
  const { state, commands } = climb<State, C>(definition.machine, facts);
  for (const command of commands) {
    // Stopped meanwhile: another may lead, and what is done outside of the store is refused by no term.
    if (signal.aborted) return;
    await act(definition, command, { ...context, object });
  }
  if (signal.aborted) return;
  await report(definition, object, facts, state, context);
  const wakeAtMs = definition.wakeAt?.(facts, state);
  // A time that was past for this pass is in its facts already: to come back for it would be to spin.
  if (wakeAtMs !== undefined && wakeAtMs > context.nowMs) queue.addAt(key, wakeAtMs);
}

async function act<K extends KindName, Facts, C extends AnyCommand, State extends string>(
  definition: ControllerDefinition<K, Facts, C, State>,
  command: C,
  context: Context & { readonly object: ObjectOf<K> },
): Promise<void> {
  context.log.debug({ key: context.object.metadata.name, command: command.type }, 'command');
  const run = definition.commands[command.type as C['type']];
  await run(command.params as never, context);
}

/**
 * Writes the status, revision-checked, where it differs. An object that changed under this pass is left alone:
 * that change has put its key into the queue again.
 */
async function report<K extends KindName, Facts, C extends AnyCommand, State extends string>(
  definition: ControllerDefinition<K, Facts, C, State>,
  object: ObjectOf<K>,
  facts: Facts,
  state: State,
  context: Context,
): Promise<void> {
  if (!definition.report) return;
  const status = definition.report(object, facts, state, context.nowMs);
  if (sameJson(status, object.status)) return;
  const current = context.reader.get(definition.kind, object.metadata.name);
  if (current?.metadata.resourceVersion !== object.metadata.resourceVersion) return;
  try {
    const { apiVersion, metadata, spec } = object;
    await context.client.updateStatus<K>({ apiVersion, kind: definition.kind, metadata, spec, status });
  } catch (error) {
    if (!isApiError(error, 'Conflict') && !isApiError(error, 'NotFound')) throw error;
  }
}

function keysOf<K extends KindName, Facts, C extends AnyCommand, State extends string>(
  definition: ControllerDefinition<K, Facts, C, State>,
  change: Change,
  reader: Reader,
): Iterable<string> {
  const toKeys = definition.watches[change.object.kind] as
    | ((object: ObjectOf<KindName>, reader: Reader) => Iterable<string>)
    | undefined;
  if (!toKeys) return [];
  const keys = new Set(toKeys(change.object, reader));
  // An object that moved concerns the keys it had before as well.
  if (change.type === 'modified' && change.old) for (const key of toKeys(change.old, reader)) keys.add(key);
  return keys;
}

const describe = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);
