/** `mill undrain`: cancels drains, and follows until the nodes are ready again. */
import type { Command } from 'commander';
import type { Node } from '../../kinds/node.ts';
import { examples } from '../arguments.ts';
import type { Cli } from '../cli.ts';
import type { Connection } from '../connection.ts';
import { chooseNodes } from '../node-selection.ts';

interface UndrainFlags {
  readonly selector?: string;
  readonly yes?: boolean;
}

export function define(command: Command, cli: Cli): void {
  command
    .argument('[nodes...]', 'nodes whose drain to cancel')
    .option('-l, --selector <labels>', 'all nodes with these labels')
    .option('-y, --yes', 'do not ask before changing what a selector finds')
    .addHelpText(
      'after',
      `${examples(['mill undrain node-3', 'cancel its drain; it takes new work again'])}

A move whose replacement is healthy finishes, any other is undone. What the drain was told for this time
(--deadline, --force, --reason) is forgotten. The last line of -o json has "result":"cancelled".`,
    )
    .action((names: string[], flags: UndrainFlags) =>
      cli.run(async (session) => {
        const nodes = await chooseNodes(session, names, flags, 'undrain');
        const connection = await session.connect();
        const { requestAndFollow } = await import('../follow/request-and-follow.ts');
        const { UndrainFollower, undrainFeeds } = await import('../follow/undrain-follower.ts');
        return requestAndFollow(session, connection, {
          names: nodes,
          request: requestUndrain,
          follower: (node) => new UndrainFollower(node),
          feeds: undrainFeeds,
          goesOn: (left) => `The cancelling goes on: "mill undrain ${left.join(' ')}" follows it.`,
        });
      }),
    );
}

/** The next drain starts without the force and the deadline of the one that is cancelled. */
const FORGET = { deadline: null, onDeadline: null, reason: null };

async function requestUndrain(connection: Connection, name: string): Promise<Node> {
  const node = await connection.get('Node', name);
  if (!node.spec.drain) return node;
  return connection.patch('Node', name, { spec: { drain: false, drainPolicy: FORGET } });
}
