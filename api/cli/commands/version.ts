/** `mill version`: of this command line, and of the server. */
import type { Command } from 'commander';
import manifest from '../../../package.json' with { type: 'json' };
import { examples } from '../arguments.ts';
import type { Cli } from '../cli.ts';
import { EXIT } from '../exit.ts';
import { toJson, toYaml } from '../output/format.ts';
import type { Session } from '../session.ts';

export function define(command: Command, cli: Cli): void {
  command
    .option('--client', 'of this command line only; needs no server')
    .addHelpText(
      'after',
      examples(['mill version', ''], ['mill version --client', 'without asking the server']),
    )
    .action(({ client }: { client?: boolean }) =>
      cli.run((session) => printVersion(session, client === true)),
    );
}

async function printVersion(session: Session, isClientOnly: boolean): Promise<number> {
  const client = { version: manifest.version, node: process.version };
  const server = isClientOnly ? undefined : await (await session.connect()).request('GET', '/version');
  const versions = { client, ...(server === undefined ? {} : { server }) };
  if (session.output === 'json') session.print(toJson(versions));
  else if (session.output === 'yaml') session.print(await toYaml(versions));
  else {
    session.printLine(`mill ${client.version}`);
    if (server !== undefined) session.printLine(`server ${versionText(server)} at ${session.server}`);
  }
  return EXIT.done;
}

function versionText(answer: unknown): string {
  if (typeof answer !== 'object' || answer === null) return 'of an unknown version';
  const { gitVersion, version } = answer as { gitVersion?: unknown; version?: unknown };
  return String(version ?? gitVersion ?? 'of an unknown version');
}
