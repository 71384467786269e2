/** `mill server`: store, API and controllers, without nodes. */
import { type Command, Option } from 'commander';
import { commaSeparated, examples, objectName, shortName } from '../arguments.ts';
import type { Cli } from '../cli.ts';
import { defaultDataDirectory } from '../data-directory.ts';
import { addNatsOptions, type NatsFlags, natsPart } from '../nats-options.ts';
import { LOG_LEVELS, type ServerOptions } from '../processes.ts';
import { checkListen, DEFAULT_SERVER } from '../server-address.ts';

interface ServerFlags extends NatsFlags {
  readonly listen: string;
  readonly data?: string;
  readonly name?: string;
  readonly node?: string;
  readonly volumes?: string;
  readonly tlsNames?: string[];
  readonly logLevel: ServerOptions['logLevel'];
}

export function define(command: Command, cli: Cli): void {
  command
    .option('--listen <host:port>', 'where the API listens', DEFAULT_SERVER)
    .option('--data <dir>', 'directory of the store (default: ~/.local/share/mill/server)')
    .option('--node <name>', 'the node of the fleet that this machine is, if it is one', objectName)
    .option(
      '--name <name>',
      'name of this server among several (default: the host name and a random end, kept in --data)',
      shortName,
    )
    .option('--volumes <dir>', 'directory of local volumes, shared by all machines (default: in --data)')
    .option(
      '--tls-names <names>',
      "more names and addresses for the server's certificate: a,b,…",
      commaSeparated,
    )
    .addOption(new Option('--log-level <level>', 'what is logged').choices([...LOG_LEVELS]).default('info'));
  addNatsOptions(command)
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
          ...natsPart(flags, cli.surroundings.env),
          ...(flags.name === undefined ? {} : { serverName: flags.name }),
          ...(flags.node === undefined ? {} : { node: flags.node }),
          ...(flags.volumes === undefined ? {} : { volumes: flags.volumes }),
          tlsNames: flags.tlsNames ?? [],
          logLevel: flags.logLevel,
        });
      }),
    );
}
