/** Follows nodes to their ends, and says what it sees on the way. */
import type { Client } from '../../client/client.ts';
import { connectionReason, EXIT } from '../exit.ts';
import type { Session } from '../session.ts';
import { type Feed, Mirror, RECONNECT_LIMIT_MS } from './mirror.ts';
import { type Reporter, reporterFor } from './reporter.ts';
import type { FollowEnd, Follower } from './step.ts';

export interface FollowRequest {
  readonly followers: readonly Follower[];
  readonly feeds: readonly Feed[];
  /** What goes on when the following stops, and how to look at it: for Ctrl-C and a lost connection. */
  readonly goesOn: string;
  /** The command does more with the nodes afterwards. */
  readonly isLast?: boolean;
}

export interface FollowOutcome {
  readonly exitCode: number;
  /** Ends by node. */
  readonly ends: ReadonlyMap<string, FollowEnd>;
}

/** @throws ConnectionError where the server stays away; ApiError */
export async function follow(
  session: Session,
  client: Client,
  request: FollowRequest,
): Promise<FollowOutcome> {
  const { followers, feeds, goesOn, isLast = true } = request;
  const reporter = reporterFor(session);
  const interrupt = new AbortController();
  const forget = session.surroundings.onInterrupt(() => interrupt.abort());
  const mirror = new Mirror(client, feeds, {
    clock: session.surroundings.clock,
    signal: interrupt.signal,
    onLost: (error) => {
      const limit = `${RECONNECT_LIMIT_MS / 1_000}s`;
      reporter.note(
        `connection to ${session.server} lost (${connectionReason(error)}); trying again for ${limit}…`,
      );
    },
    onRestored: () => reporter.note(`connected to ${session.server} again`),
  });
  const ends = new Map<string, FollowEnd>();
  const watched = followers.map((follower) => new Watched(follower, reporter));
  try {
    for await (const _ of mirror.changes()) {
      for (const one of watched) if (!one.isOver) await one.look(mirror, ends, isLast);
      if (ends.size === followers.length) break;
    }
  } catch (error) {
    session.warn(goesOn);
    throw error;
  } finally {
    forget();
    reporter.close();
  }
  if (interrupt.signal.aborted) {
    session.warn(`stopped following. ${goesOn}`);
    return { exitCode: EXIT.interrupted, ends };
  }
  return { exitCode: Math.max(EXIT.done, ...[...ends.values()].map((end) => end.exitCode)), ends };
}

/** A follower, and what it has said. */
class Watched {
  readonly #follower: Follower;
  readonly #reporter: Reporter;
  readonly #said = new Set<string>();
  isOver = false;

  constructor(follower: Follower, reporter: Reporter) {
    this.#follower = follower;
    this.#reporter = reporter;
  }

  async look(mirror: Mirror, ends: Map<string, FollowEnd>, isLast: boolean): Promise<void> {
    this.#say(mirror);
    let end = this.#follower.end(mirror);
    if (!end) return;
    // The end may be seen before the last steps are, which come by other watches: one more look at all.
    const isFresh = await mirror.refresh().then(
      () => true,
      () => false,
    );
    if (isFresh) {
      this.#say(mirror);
      end = this.#follower.end(mirror) ?? end;
    }
    this.#reporter.end(this.#follower.node, end, isLast);
    ends.set(this.#follower.node, end);
    this.isOver = true;
  }

  #say(mirror: Mirror): void {
    const { node } = this.#follower;
    const fresh = this.#follower.steps(mirror).filter((step) => !this.#said.has(step.key));
    for (const step of fresh) this.#said.add(step.key);
    if (fresh.length > 0) this.#reporter.steps(node, fresh);
    this.#reporter.headline(node, this.#follower.headline(mirror));
  }
}
