/** Which server leads a stream: a client that is connected to another pays for the detour. */
import { setTimeout as pause } from 'node:timers/promises';
import { connect } from 'nats';
import type { NatsServer } from '../nats/server.ts';
import type { Nats } from '../nats/servers.ts';

/** A server that is asked too early, before it has all of the stream, does not get it. */
const MOST_TRIES = 20;
const PAUSE_MS = 250;

/** Resolves when one server leads all of these streams. @throws Error where it does not come to that */
export async function lead(nats: Nats, server: NatsServer, streams: readonly string[]): Promise<void> {
  const connection = await connect({ servers: server.url });
  try {
    for (const stream of streams) {
      for (let tries = 0; (await nats.leader(stream)) !== server; tries++) {
        if (tries === MOST_TRIES) throw new Error(`${server.name} does not get to lead ${stream}`);
        const wish = JSON.stringify({ placement: { preferred: server.name } });
        await connection.request(`$JS.API.STREAM.LEADER.STEPDOWN.${stream}`, wish);
        await pause(PAUSE_MS);
      }
    }
  } finally {
    await connection.close();
  }
}
