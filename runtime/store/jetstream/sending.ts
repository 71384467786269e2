/** Sends a flight as the stream takes it: all at once, in batches, or one record after the other. */
import type { Feed } from './feed.ts';
import { type Flight, MAX_RECORDS_TOGETHER } from './flight.ts';
import type { CommitStream, PublishOutcome } from './stream.ts';

/** Told what became of the record at an index, and with it of those before it. */
export type Heard = (flight: Flight, index: number, outcome: PublishOutcome) => void;

export function sendFlight(flight: Flight, stream: CommitStream, feed: Feed, heard: Heard): void {
  const { mode, drafts } = flight;
  if (mode !== 'pipelined' && drafts.length > 1) {
    void sendInTurn(flight, mode === 'batches' ? MAX_RECORDS_TOGETHER : 1, stream, feed, heard);
    return;
  }
  for (const [index, { outgoing }] of drafts.entries()) {
    void stream.publish(outgoing).then((outcome) => heard(flight, index, outcome));
  }
}

/** @param most records that the stream takes together */
async function sendInTurn(
  flight: Flight,
  most: number,
  stream: CommitStream,
  feed: Feed,
  heard: Heard,
): Promise<void> {
  const { base, drafts } = flight;
  for (let from = Math.max(0, feed.position - base); from < drafts.length && !flight.isVoid; ) {
    const records = drafts.slice(from, from + most).map(({ outgoing }) => outgoing);
    const [only] = records;
    const isAlone = only && records.length === 1;
    const outcome = await (isAlone ? stream.publish(only) : stream.publishTogether(records));
    from += records.length;
    heard(flight, from - 1, outcome);
    if (outcome.type !== 'stored') return;
  }
}
