/** Watches a new client connection until its first bytes, or its silence, tell the protocol. */
import type { Socket } from 'node:net';
import type { Clock } from '../../api/clock.ts';
import { sniff, sniffStalled } from './sniff.ts';

/** After this long without a byte a client is waiting for the server to speak first. Milliseconds; people notice more. */
export const SILENCE_MS = 100;

/** How long an unfinished first line may keep a connection undecided. Milliseconds; a lost packet's resend fits. */
const STALLED_LINE_MS = 2_000;

type Verdict = 'http' | 'tcp' | 'silent';

/**
 * Calls `settle` once with the verdict, unless the connection closes first. The client is then paused, and what
 * it has sent is in `prefix` (taken out of the stream).
 *
 * @param silenceMs - silence that gives the verdict `silent`; absent: wait for the first byte however long it takes
 * @returns settles early as `tcp`: for a server that turned out to speak first
 */
export function detect(
  client: Socket,
  clock: Clock,
  silenceMs: number | undefined,
  settle: (verdict: Verdict, prefix: Buffer) => void,
): { assumeTcp: () => void; cancel: () => void } {
  let prefix: Buffer = Buffer.alloc(0);
  let settled = false;
  const finish = (verdict: Verdict) => {
    if (settled) return;
    cancel();
    settle(verdict, prefix);
  };
  let cancelTimer = silenceMs === undefined ? () => {} : clock.schedule(silenceMs, () => finish('silent'));
  const onData = (chunk: Buffer) => {
    const isFirst = prefix.length === 0;
    prefix = isFirst ? chunk : Buffer.concat([prefix, chunk]);
    const verdict = sniff(prefix);
    if (verdict !== 'undecided') {
      finish(verdict);
      return;
    }
    if (!isFirst) return;
    cancelTimer();
    cancelTimer = clock.schedule(STALLED_LINE_MS, () => finish(sniffStalled(prefix)));
  };
  const assumeTcp = () => finish('tcp');
  const cancel = () => {
    settled = true;
    cancelTimer();
    client.off('data', onData).off('end', assumeTcp).off('close', cancel);
    // A flowing stream without a reader would lose what comes next.
    client.pause();
  };
  client.on('data', onData).on('end', assumeTcp).on('close', cancel);
  client.resume();
  return { assumeTcp, cancel };
}
