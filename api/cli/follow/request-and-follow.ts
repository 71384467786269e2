/** Patches several nodes, all at a time, and follows those whose patch was taken. */
import type { Node } from '../../kinds/node.ts';
import type { Connection } from '../connection.ts';
import { describeError, EXIT } from '../exit.ts';
import type { Session } from '../session.ts';
import { follow } from './follow.ts';
import type { Feed } from './mirror.ts';
import { reporterFor } from './reporter.ts';
import type { Follower } from './step.ts';

export interface NodeRequest {
  readonly names: readonly string[];
  request(connection: Connection, name: string): Promise<Node>;
  follower(requested: Node): Follower;
  feeds(names: readonly string[]): Feed[];
  goesOn(names: readonly string[]): string;
}

/** @returns the worst exit code */
export async function requestAndFollow(
  session: Session,
  connection: Connection,
  { names, request, follower, feeds, goesOn }: NodeRequest,
): Promise<number> {
  const requested: Node[] = [];
  let exitCode: number = EXIT.done;
  for (const name of names) {
    try {
      requested.push(await request(connection, name));
    } catch (error) {
      const refusal = describeError(error, session.server);
      if (refusal.exitCode === EXIT.unreachable) throw error;
      const reporter = reporterFor(session);
      reporter.end(name, { result: 'failed', exitCode: refusal.exitCode, errors: refusal.lines }, true);
      reporter.close();
      exitCode = Math.max(exitCode, refusal.exitCode);
    }
  }
  if (requested.length === 0) return exitCode;
  const taken = requested.map(({ metadata }) => metadata.name);
  const outcome = await follow(session, connection, {
    followers: requested.map(follower),
    feeds: feeds(taken),
    goesOn: goesOn(taken),
  });
  return Math.max(exitCode, outcome.exitCode);
}
