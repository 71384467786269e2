/** `mill cordon`: no new work is placed on nodes; what is there stays. */
import type { Command } from 'commander';
import { examples } from '../arguments.ts';
import type { Cli } from '../cli.ts';
import { describeError, EXIT } from '../exit.ts';
import { chooseNodes } from '../node-selection.ts';
import type { Session } from '../session.ts';

interface CordonFlags {
  readonly selector?: string;
  readonly yes?: boolean;
}

export function define(command: Command, cli: Cli): void {
  command
    .argument('[nodes...]', 'nodes')
    .option('-l, --selector <labels>', 'all nodes with these labels')
    .option('-y, --yes', 'do not ask before changing what a selector finds')
    .addHelpText('after', examples(['mill cordon node-3', 'place no new work on node-3']))
    .action((names: string[], flags: CordonFlags) =>
      cli.run((session) => setUnschedulable(session, names, flags, true)),
    );
}

/** Cordons or uncordons nodes; what goes wrong with one does not keep the others. */
export async function setUnschedulable(
  session: Session,
  names: readonly string[],
  flags: CordonFlags,
  unschedulable: boolean,
): Promise<number> {
  const verb = unschedulable ? 'cordon' : 'uncordon';
  const nodes = await chooseNodes(session, names, flags, verb);
  const connection = await session.connect();
  let exitCode: number = EXIT.done;
  for (const name of nodes) {
    try {
      const node = await connection.get('Node', name);
      const isSo = node.spec.unschedulable === unschedulable;
      if (!isSo) await connection.patch('Node', name, { spec: { unschedulable } });
      session.printLine(`node/${name} ${verb}ed${isSo ? ' already' : ''}`);
    } catch (error) {
      const failure = describeError(error, session.server);
      if (failure.exitCode === EXIT.unreachable) throw error;
      for (const line of failure.lines) session.warn(line);
      exitCode = Math.max(exitCode, failure.exitCode);
    }
  }
  return exitCode;
}
