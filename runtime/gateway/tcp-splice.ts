/** Joins two sockets, byte for byte, in both directions and with backpressure. */
import type { Socket } from 'node:net';

/**
 * Each direction ends on its own (half-open connections, RFC 9293 3.6). A side that breaks resets the other:
 * a stream that was cut must not look like one that ended.
 *
 * @returns takes the two apart again, for sockets on which no byte has flowed; both are then paused
 */
export function splice(client: Socket, backend: Socket): () => void {
  client.pipe(backend);
  backend.pipe(client);
  const untie = [breakTogether(client, backend), breakTogether(backend, client)];
  return () => {
    for (const undo of untie) undo();
    client.unpipe(backend).pause();
    backend.unpipe(client).pause();
  };
}

function breakTogether(from: Socket, to: Socket): () => void {
  const onClose = () => {
    if (!from.readableEnded || !from.writableFinished) to.resetAndDestroy();
    // What `to` still sends has nowhere to go; unread it would keep the socket open after its end.
    else to.resume();
  };
  from.once('close', onClose);
  return () => from.off('close', onClose);
}
