/** Asks for drains and follows them: what `mill drain` and `mill remove --drain` share. */
import type { Node } from '../../kinds/node.ts';
import type { DrainFlags } from '../commands/drain.ts';
import type { Connection } from '../connection.ts';
import { describeError, EXIT } from '../exit.ts';
import type { Session } from '../session.ts';
import { DrainFollower, drainedEnd, drainFeeds } from './drain-follower.ts';
import { type FollowOutcome, follow } from './follow.ts';
import { reporterFor } from './reporter.ts';
import type { FollowEnd } from './step.ts';

/** Drains nodes, all at a time; what goes wrong with one does not keep the others. The exit code is the worst. */
export async function drainNodes(
  session: Session,
  connection: Connection,
  names: readonly string[],
  flags: DrainFlags,
  isLast = true,
): Promise<FollowOutcome> {
  const ends = new Map<string, FollowEnd>();
  const requested: Node[] = [];
  let exitCode: number = EXIT.done;
  for (const name of names) {
    try {
      const node = await requestDrain(connection, name, flags);
      if (!flags.force) warnOfForce(session, node);
      if (isDrained(node)) ends.set(name, sayDrained(session, node, isLast));
      else requested.push(node);
    } catch (error) {
      exitCode = Math.max(exitCode, sayRefused(session, name, error, isLast));
    }
  }
  if (flags.detach) {
    for (const { metadata } of requested) sayDetached(session, metadata.name);
    return { exitCode, ends };
  }
  if (requested.length === 0) return { exitCode, ends };
  const nodes = requested.map(({ metadata }) => metadata.name);
  const outcome = await follow(session, connection, {
    followers: requested.map((node) => new DrainFollower(node)),
    feeds: drainFeeds(nodes),
    goesOn: `The drain goes on: "mill drain ${nodes.join(' ')}" follows it, "mill undrain ${nodes.join(' ')}" cancels it.`,
    isLast,
  });
  return { exitCode: Math.max(exitCode, outcome.exitCode), ends: new Map([...ends, ...outcome.ends]) };
}

/** Sets `drain: true` and what the flags say of the policy; asks a drain that failed to try again. */
async function requestDrain(connection: Connection, name: string, flags: DrainFlags): Promise<Node> {
  const node = await connection.get('Node', name);
  const policy = policyPatch(flags);
  const { drain } = node.status;
  const { attempt } = node.spec.drainPolicy;
  const hasFailed = node.spec.drain && drain?.step === 'failed' && drain.attempt === attempt;
  const drainPolicy = { ...policy, ...(hasFailed ? { attempt: attempt + 1 } : {}) };
  const isNews = !node.spec.drain || Object.keys(drainPolicy).length > 0;
  if (!isNews) return node;
  return connection.patch('Node', name, { spec: { drain: true, drainPolicy } });
}

/** The part of `drainPolicy` that flags were given for. */
function policyPatch(flags: DrainFlags): Record<string, string | number> {
  const { force, maxParallel, taskGrace, reason } = flags;
  const deadline = flags.deadline ?? (force ? '0s' : undefined);
  return {
    ...(maxParallel === undefined ? {} : { maxParallel }),
    ...(deadline === undefined ? {} : { deadline }),
    ...(force ? { onDeadline: 'force' } : {}),
    ...(taskGrace === undefined ? {} : { taskGrace }),
    ...(reason === undefined ? {} : { reason }),
  };
}

/** An earlier `--force`, or a manifest, may have left a policy that stops services: say so while it can be undone. */
function warnOfForce(session: Session, { metadata, spec }: Node): void {
  const { onDeadline, deadline } = spec.drainPolicy;
  if (onDeadline !== 'force' || deadline === undefined) return;
  session.warn(
    `note: the drain policy of ${metadata.name} stops what has not moved after ${deadline} (onDeadline: force)`,
  );
}

const isDrained = ({ metadata, spec, status }: Node): boolean =>
  spec.drain &&
  status.drain?.step === 'drained' &&
  status.drain.attempt === spec.drainPolicy.attempt &&
  (status.observedGeneration ?? 0) >= metadata.generation;

function sayDrained(session: Session, node: Node, isLast: boolean): FollowEnd {
  const { name } = node.metadata;
  const text = `node/${name} is drained already`;
  const end: FollowEnd = node.status.drain
    ? { ...drainedEnd(name, node.status.drain), text }
    : { result: 'drained', exitCode: EXIT.done, text };
  const reporter = reporterFor(session);
  reporter.end(name, end, isLast);
  reporter.close();
  return end;
}

function sayRefused(session: Session, name: string, error: unknown, isLast: boolean): number {
  const { exitCode, lines } = describeError(error, session.server);
  // Not about this node: it is the same for all of them.
  if (exitCode === EXIT.unreachable) throw error;
  const reporter = reporterFor(session);
  reporter.end(name, { result: 'failed', exitCode, errors: lines }, isLast);
  reporter.close();
  return exitCode;
}

function sayDetached(session: Session, name: string): void {
  const text = `node/${name} draining; "mill drain ${name}" follows it, "mill undrain ${name}" cancels it`;
  const reporter = reporterFor(session);
  const step = { key: 'requested', node: name, step: 'requested', subject: name, text };
  reporter.steps(name, [step]);
  reporter.close();
}
