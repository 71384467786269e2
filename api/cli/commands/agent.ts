/** `mill agent`: runs the workloads of this machine. */
import { type Command, Option } from 'commander';
import { assignment, examples } from '../arguments.ts';
import type { Cli } from '../cli.ts';
import { defaultDataDirectory } from '../data-directory.ts';
import { type AgentOptions, LOG_LEVELS } from '../processes.ts';

interface AgentFlags {
  readonly node: string;
  readonly data?: string;
  readonly address?: string;
  readonly label?: Record<string, string>;
  readonly logLevel: AgentOptions['logLevel'];
}

export function define(command: Command, cli: Cli): void {
  command
    .requiredOption('--node <name>', 'name of this machine in the fleet')
    .option(
      '--data <dir>',
      'directory that keeps its credential and what it runs (default: ~/.local/share/mill/agent-NAME)',
    )
    .option('--address <host>', 'where the others reach this machine')
    .option('--label <key=value>', 'a label of the node; repeatable', assignment)
    .addOption(new Option('--log-level <level>', 'what is logged').choices([...LOG_LEVELS]).default('info'))
    .addHelpText(
      'after',
      examples(
        ['mill agent --node node-4 --server https://10.0.0.1:4400 --token … --ca ca.pem', 'join a fleet'],
        ['mill agent --node node-4 --label zone=a', 'with a label'],
        [
          'mill agent --node node-4 --server https://10.0.0.1:4400,https://10.0.0.2:4400',
          'of several servers',
        ],
      ),
    )
    .action((flags: AgentFlags) =>
      cli.run(async (session) => {
        // The first time, the token is the one that lets it join; later its own credential in `data` counts.
        const { servers, token, ca } = (await session.target()).options;
        return cli.processes.agent({
          node: flags.node,
          servers,
          ...(token ? { token } : {}),
          ...(ca ? { ca } : {}),
          data: flags.data ?? defaultDataDirectory(`agent-${flags.node}`, cli.surroundings.env),
          ...(flags.address ? { address: flags.address } : {}),
          labels: flags.label ?? {},
          logLevel: flags.logLevel,
        });
      }),
    );
}
