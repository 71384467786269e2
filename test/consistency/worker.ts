/** A server of a run, in a process of its own: a store, and the writers that use it. It is killed at any moment. */
import { systemClock } from '../../api/clock.ts';
import { isEphemeral, KIND_NAMES } from '../../api/kinds/index.ts';
import type { Log } from '../../api/log.ts';
import { admission } from '../../api/rules/index.ts';
import { type JetStreamStore, openJetStreamStore } from '../../runtime/store/jetstream/store.ts';
import { Randomness } from '../simulation/randomness.ts';
import { HistoryFile, nowMs } from './history.ts';
import { attemptOf, keyOf, sightingOf, versionOf } from './objects.ts';
import { canonical, type StoredObject } from './replicas.ts';
import type { FromWorker, ToWorker, WorkerOptions } from './server.ts';
import { WRITER } from './workload.ts';
import { proveAlive, type WriterOptions, write } from './writer.ts';

const options = JSON.parse(process.env.CONSISTENCY_WORKER ?? '') as WorkerOptions;
const { serverId, run } = options;
const history = new HistoryFile(options.historyFile);
const randomness = new Randomness(options.seed + run);
const onWrong = (message: string) =>
  history.write({ type: 'wrong', ms: nowMs(), message: `${serverId}: ${message}` });

process.on('unhandledRejection', (error) => onWrong(`an unhandled rejection: ${String(error)}`));
process.on('uncaughtException', (error) => onWrong(`an uncaught exception: ${error.stack}`));
process.on('disconnect', () => process.exit());

const startedMs = nowMs();
const store = await openJetStreamStore({
  nats: { servers: options.urls },
  bucket: options.bucket,
  dir: options.dir,
  serverId,
  clock: systemClock,
  log: recordingLog(),
  admission,
  writer: (state) => (options.writers.length > 0 ? state.get('Event', WRITER)?.spec.message : undefined),
});

const { revision } = store.state;
store.subscribe({ after: revision }, (change) => {
  if (!isEphemeral(change.object.kind)) history.write({ type: 'saw', ...sightingOf(change) });
});
history.write({ type: 'opened', ms: nowMs(), revision, tookMs: nowMs() - startedMs });

let attempts = 0;
const writer: WriterOptions = {
  store,
  history,
  writers: options.writers,
  newAttempt() {
    attempts += 1;
    return { id: `${serverId}-${run}-${attempts}`, unique: options.firstNumber + attempts };
  },
  onWrong,
};
let isStopping = false;
const writing = Promise.all(
  Array.from({ length: options.clients }, (_, index) =>
    write(writer, randomness.stream(`${serverId}-${index}`), () => isStopping),
  ),
);
process.on('message', (message: ToWorker) => void answer(message).then(send));
send({ type: 'opened' });

async function answer(message: ToWorker): Promise<FromWorker> {
  switch (message.type) {
    case 'stop':
      isStopping = true;
      await writing;
      return { type: 'stopped' };
    case 'prove':
      return { type: 'proved', tookMs: await proveAlive(writer, randomness.stream('prove')) };
    case 'ask':
      return { type: 'health', health: store.health };
    case 'report':
      await store.barrier();
      return { type: 'report', objects: objectsOf(store) };
    case 'close':
      await store.close();
      return { type: 'closed' };
  }
}

function send(message: FromWorker): void {
  process.send?.(message);
}

function objectsOf({ state }: JetStreamStore): StoredObject[] {
  return KIND_NAMES.filter((kind) => !isEphemeral(kind)).flatMap((kind) =>
    state.list(kind).map((object) => ({
      object: keyOf(object),
      revision: versionOf(object),
      attempt: attemptOf(object),
      text: canonical(object),
    })),
  );
}

/** What the engine calls an error must not be: the log was read again, or cannot be followed any more. */
function recordingLog(): Log {
  const log: Log = {
    debug: (fields, message) => note(fields, message),
    info: (fields, message) => note(fields, message),
    warn: (fields, message) => note(fields, message),
    error: (fields, message) => onWrong(`the engine says: ${message} ${JSON.stringify(fields)}`),
    child: () => log,
  };
  return log;
}

function note(fields: object, message: string): void {
  history.write({ type: 'noted', ms: nowMs(), message: `${message} ${JSON.stringify(fields)}` });
}
