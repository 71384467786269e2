/** `mill up`: everything in one process on this machine. */
import { type Command, Option } from 'commander';
import { examples, repeated, wholeNumber } from '../arguments.ts';
import type { Cli } from '../cli.ts';
import { defaultDataDirectory } from '../data-directory.ts';
import { addNatsOptions, type NatsFlags, natsPart } from '../nats-options.ts';
import { LOG_LEVELS, type UpOptions } from '../processes.ts';
import { checkListen, DEFAULT_SERVER } from '../server-address.ts';
import { Session } from '../session.ts';

/** Most local nodes: each is an agent in this process. */
const MAX_LOCAL_NODES = 100;

interface UpFlags extends NatsFlags {
  readonly nodes: number;
  readonly listen: string;
  readonly data?: string;
  readonly filename?: string[];
  readonly logLevel: UpOptions['logLevel'];
}

export function define(command: Command, cli: Cli): void {
  command
    .option('--nodes <n>', 'how many local nodes: node-1 …', wholeNumber(0, MAX_LOCAL_NODES), 3)
    .option('--listen <host:port>', 'where the API listens', DEFAULT_SERVER)
    .option('--data <dir>', 'directory that keeps the state (default: ~/.local/share/mill/up)')
    .option('-f, --filename <path>', 'apply this file or directory when all is up', repeated)
    .addOption(new Option('--log-level <level>', 'what is logged').choices([...LOG_LEVELS]).default('info'));
  addNatsOptions(command)
    .addHelpText(
      'after',
      examples(
        ['mill up', 'three nodes, API at 127.0.0.1:4400'],
        ['mill up --nodes 5 -f manifests/demo/', 'five nodes, and something to run'],
        ['mill up --data ./state --listen 127.0.0.1:4500', 'another one beside it'],
        ['mill up --nats nats://127.0.0.1:4222', 'the state in NATS'],
      ),
    )
    .action((flags: UpFlags) =>
      cli.run(async () => {
        return cli.processes.up({
          nodes: flags.nodes,
          listen: checkListen(flags.listen),
          data: flags.data ?? defaultDataDirectory('up', cli.surroundings.env),
          ...natsPart(flags, cli.surroundings.env),
          onReady: (server) => applyTo(server, flags.filename ?? [], cli),
          logLevel: flags.logLevel,
        });
      }),
    );
}

/** What `mill apply -f` does, on the server that has just come up. */
async function applyTo(server: string, files: readonly string[], cli: Cli): Promise<void> {
  if (files.length === 0) return;
  const { apply } = await import('./apply.ts');
  const session = new Session(cli.surroundings, { server, color: true });
  await apply(session, { filename: [...files] }).finally(() => session.close());
}
