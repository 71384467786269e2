/** Reads a log from its beginning to its end, once. */
import { MutableState } from '../state.ts';
import { Feed } from './feed.ts';
import { readEntry } from './records.ts';
import type { CommitStream, Incoming, StreamPosition } from './stream.ts';
import type { Subjects } from './subjects.ts';

export interface WholeLogOptions {
  readonly stream: CommitStream;
  readonly subjects: Subjects;
  /** Why a stream of that position must not be read. @throws Error where it is to be asked again */
  readonly whyLost: (position: StreamPosition) => string | undefined;
  readonly signal: AbortSignal;
}

export interface WholeLog {
  readonly state: MutableState;
  /** It may have read the first records of a commit, which the state does not show before the rest. */
  readonly feed: Feed;
}

/** @throws Error where the log contradicts itself, cannot be read, or is not the one that was followed */
export function readWholeLog({ stream, subjects, whyLost, signal }: WholeLogOptions): Promise<WholeLog> {
  const state = new MutableState();
  const feed = new Feed({ state, onChanges: () => {} });
  const stop = new AbortController();
  let target = 0;
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => {
      stop.abort();
      reject(error);
    };
    const look = () => {
      if (feed.position < target) return;
      stop.abort();
      resolve({ state, feed });
    };
    const follower = {
      position: () => feed.position,
      onOpened: (position: StreamPosition) => {
        const why = whyLost(position);
        if (why !== undefined) {
          fail(new Error(why));
          return false;
        }
        target = position.last;
        look();
        return !stop.signal.aborted;
      },
      onContact: () => {},
      onRecord: (record: Incoming) => {
        try {
          feed.take(readEntry(record, subjects));
          look();
        } catch (error) {
          fail(error);
        }
      },
    };
    if (signal.aborted) stop.abort();
    signal.addEventListener('abort', () => stop.abort(), { signal: stop.signal });
    stream.follow(follower, stop.signal);
  });
}
