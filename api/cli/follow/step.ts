/** What followers observe, and how a follow ends: the same for drain, undrain and remove. */
import type { ExitCode } from '../exit.ts';
import type { Mirror } from './mirror.ts';

/** Something that was observed. Said once: `key` tells it from the others. */
export interface Step {
  readonly key: string;
  readonly node: string;
  /** A word for scripts, e.g. `cordoned`, `healthy`. */
  readonly step: string;
  /** What it is about, e.g. an alloc's move: a later step of the same subject stands in its place in a live view. */
  readonly subject: string;
  /** A line for people. */
  readonly text: string;
  readonly bad?: true;
  /** More for scripts. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

type FollowResult = 'drained' | 'failed' | 'cancelled' | 'removed';

export interface FollowEnd {
  readonly result: FollowResult;
  readonly exitCode: ExitCode;
  /** The last line, for people; absent where `errors` say all. */
  readonly text?: string;
  /** For stderr; the first is whole by itself. */
  readonly errors?: readonly string[];
}

/** Follows one node: pure looks at the objects as they are. */
export interface Follower {
  readonly node: string;
  /** Where the node stands, in a line, for a live view. */
  headline(mirror: Mirror): string;
  /** All that can be observed now, in the order in which it happens; what was said before may be there again. */
  steps(mirror: Mirror): readonly Step[];
  /** The end, once it is reached. */
  end(mirror: Mirror): FollowEnd | undefined;
}

/** `1 task`, `2 tasks`. */
export const count = (amount: number, singular: string): string =>
  `${amount} ${singular}${amount === 1 ? '' : 's'}`;
