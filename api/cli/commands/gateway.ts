/** `mill gateway`: takes the services' traffic to their healthy allocs. */
import { type Command, Option } from 'commander';
import { examples } from '../arguments.ts';
import type { Cli } from '../cli.ts';
import { type GatewayOptions, LOG_LEVELS } from '../processes.ts';

interface GatewayFlags {
  readonly listenHost: string;
  readonly logLevel: GatewayOptions['logLevel'];
}

export function define(command: Command, cli: Cli): void {
  command
    .option('--listen-host <host>', "host to listen on, for the services' gateway ports", '127.0.0.1')
    .addOption(new Option('--log-level <level>', 'what is logged').choices([...LOG_LEVELS]).default('info'))
    .addHelpText(
      'after',
      examples(
        ['mill gateway --server https://10.0.0.1:4400 --listen-host 0.0.0.0', 'a gateway for all who ask'],
        ['mill gateway --server https://10.0.0.1:4400,https://10.0.0.2:4400', 'of several servers'],
      ),
    )
    .action((flags: GatewayFlags) =>
      cli.run(async (session) => {
        const { servers, token, ca } = (await session.target()).options;
        return cli.processes.gateway({
          servers,
          ...(token ? { token } : {}),
          ...(ca ? { ca } : {}),
          listenHost: flags.listenHost,
          logLevel: flags.logLevel,
        });
      }),
    );
}
