/** The engine of a server whose state is in NATS. Loaded only where it is asked for. */
import { mkdir } from 'node:fs/promises';
import type { NatsTarget } from '../../api/cli/processes.ts';
import { type Clock, sleep } from '../../api/clock.ts';
import type { Log } from '../../api/log.ts';
import { admission } from '../../api/rules/index.ts';
import { type JetStreamStore, openJetStreamStore } from '../../runtime/store/jetstream/store.ts';
import { lockDirectory } from '../../runtime/store/lock.ts';
import type { Engine, EngineOptions } from './engine.ts';
import { connectionOf } from './nats-connection.ts';

/** How often the leader of the log is asked which NATS servers keep it: a node waits so long for a true answer at most. */
const LOOK_EVERY_MS = 2_000;

/** @throws Error in one line where a file cannot be read, or the store cannot be opened */
export async function openNatsEngine(options: EngineOptions, target: NatsTarget): Promise<Engine> {
  const { dir, server, clock, log, writer } = options;
  const { bucket, replicas } = target;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  // What is remembered there is of one server.
  const lock = await lockDirectory(dir, clock);
  try {
    const nats = await connectionOf(target);
    const wanted = replicas === undefined ? {} : { replicas };
    const store = await openJetStreamStore({
      nats,
      bucket,
      ...wanted,
      dir,
      serverId: server,
      clock,
      log,
      admission,
      writer,
    });
    const end = new AbortController();
    const close = async () => {
      end.abort();
      await store.close();
      await lock.release();
    };
    return {
      store,
      isAlone: false,
      clusterId: store.clusterId,
      natsServers: followServers(store, clock, log, end.signal),
      sharedSecret: (name, make) => store.secret(name, make),
      close,
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** Where nobody leads the log, what was seen last stays. */
function followServers(store: JetStreamStore, clock: Clock, log: Log, signal: AbortSignal) {
  let seen: Awaited<ReturnType<JetStreamStore['replicas']>> = [];
  const look = async () => {
    while (!signal.aborted) {
      try {
        seen = [...(await store.replicas())].sort((a, b) => (a.name < b.name ? -1 : 1));
      } catch (error) {
        log.debug(
          { reason: String(error) },
          'nobody says which NATS servers keep the log; it is asked again',
        );
      }
      await sleep(clock, LOOK_EVERY_MS, signal);
    }
  };
  void look();
  return () => [...seen];
}
