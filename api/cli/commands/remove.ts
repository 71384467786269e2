/** `mill remove`: takes empty nodes out of the fleet, and follows until they are gone. */
import type { Command } from 'commander';
import { examples } from '../arguments.ts';
import type { Cli } from '../cli.ts';
import type { Connection } from '../connection.ts';
import { EXIT } from '../exit.ts';
import { chooseNodes } from '../node-selection.ts';
import type { Session } from '../session.ts';
import { addDrainPolicyOptions, type DrainFlags } from './drain.ts';

interface RemoveFlags extends DrainFlags {
  readonly drain?: boolean;
}

export function define(command: Command, cli: Cli): void {
  command
    .argument('[nodes...]', 'nodes to remove')
    .option('--drain', 'drain them first; the options of a drain go with it')
    .option('-l, --selector <labels>', 'all nodes with these labels')
    .option('-y, --yes', 'do not ask before removing what a selector finds');
  addDrainPolicyOptions(command)
    .addHelpText(
      'after',
      `${examples(
        ['mill remove node-3', 'refused while anything is on it'],
        ['mill remove node-3 --drain', 'drain it, then remove it'],
      )}

A removed node's credential is revoked: its agent can write nothing any more.`,
    )
    .action((names: string[], flags: RemoveFlags) => cli.run((session) => remove(session, names, flags)));
}

async function remove(session: Session, names: readonly string[], flags: RemoveFlags): Promise<number> {
  let nodes = await chooseNodes(session, names, flags, 'remove');
  const connection = await session.connect();
  let exitCode: number = EXIT.done;
  if (flags.drain) {
    const { drainNodes } = await import('../follow/drain-nodes.ts');
    const { detach: _detach, dryRun: _dryRun, ...policy } = flags;
    const drained = await drainNodes(session, connection, nodes, policy, false);
    if (drained.exitCode === EXIT.interrupted) return drained.exitCode;
    exitCode = drained.exitCode;
    nodes = nodes.filter((node) => drained.ends.get(node)?.result === 'drained');
    if (nodes.length === 0) return exitCode;
  }
  return Math.max(exitCode, await removeNodes(session, connection, nodes));
}

async function removeNodes(session: Session, connection: Connection, names: string[]): Promise<number> {
  const { requestAndFollow } = await import('../follow/request-and-follow.ts');
  const { RemoveFollower, removeFeeds } = await import('../follow/remove-follower.ts');
  return requestAndFollow(session, connection, {
    names,
    request: (client, name) => client.patch('Node', name, { spec: { removed: true } }),
    follower: (node) => new RemoveFollower(node, session.surroundings.clock),
    feeds: removeFeeds,
    goesOn: (left) => `The removal of ${left.join(', ')} goes on; "mill nodes" shows it.`,
  });
}
