/** `mill server`: store, API and controllers, without nodes. */
import { type Command, Option } from 'commander';
import { commaSeparated, examples } from '../arguments.ts';
import type { Cli } from '../cli.ts';
import { defaultDataDirectory } from '../data-directory.ts';
import { LOG_LEVELS, type ServerOptions } from '../processes.ts';
import { checkListen, DEFAULT_SERVER } from '../server-address.ts';

interface ServerFlags {
  readonly listen: string;
  readonly data?: string;
  readonly nats?: string[];
  readonly tlsNames?: string[];
  readonly logLevel: ServerOptions['logLevel'];
}

export function define(command: Command, cli: Cli): void {
  command
    .option('--listen <host:port>', 'where the API listens', DEFAULT_SERVER)
    .option('--data <dir>', 'directory of the store (default: ~/.local/share/mill/server)')
    .option('--nats <urls>', 'keep the state in NATS JetStream: URL,URL,…', commaSeparated)
    .option(
      '--tls-names <names>',
      "more names and addresses for the server's certificate: a,b,…",
      commaSeparated,
    )
    .addOption(new Option('--log-level <level>', 'what is logged').choices([...LOG_LEVELS]).default('info'))
    .addHelpText(
      'after',
      examples(
        ['mill server --listen 0.0.0.0:4400 --data /var/lib/mill', 'one server, state on disk'],
        ['mill server --nats nats://a:4222,nats://b:4222,nats://c:4222', 'one of several, state in NATS'],
      ),
    )
    .action((flags: ServerFlags) =>
      cli.run(async () => {
        return cli.processes.server({
          listen: checkListen(flags.listen),
          data: flags.data ?? defaultDataDirectory('server', cli.surroundings.env),
          nats: flags.nats ?? [],
          tlsNames: flags.tlsNames ?? [],
          logLevel: flags.logLevel,
        });
      }),
    );
}
