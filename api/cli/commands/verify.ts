/** `mill verify`: reads a whole store, or a backup, and says whether it is as it must be. */
import type { Command } from 'commander';
import { BackupError } from '../../backup/format.ts';
import { examples } from '../arguments.ts';
import { openBackupFile } from '../backup-file.ts';
import type { Cli } from '../cli.ts';
import { EXIT, UsageError } from '../exit.ts';
import { countLines } from '../output/counts.ts';
import { toJson, toYaml } from '../output/format.ts';
import { formatTable, safeText } from '../output/table.ts';
import type { Session } from '../session.ts';
import { addPlaceOptions, type PlaceFlags, placeOf } from '../store-place.ts';
import type { StoreVerdict } from '../stores.ts';

export function define(command: Command, cli: Cli): void {
  addPlaceOptions(command.argument('[file]', 'a backup, compressed or not; - for standard input'))
    .addHelpText(
      'after',
      `${examples(
        ['mill verify mill.jsonl.gz', 'a backup'],
        ['mill verify --data /var/lib/mill', 'the store of a server that is stopped'],
        ['mill verify --nats nats://a:4222,nats://b:4222', 'what is in a NATS cluster; servers may run'],
        ['mill verify mill.jsonl.gz -o json', 'for a script'],
      )}

It changes nothing. Exit code 0: all is well; 1: it names what is not.`,
    )
    .action((file: string | undefined, flags: PlaceFlags) =>
      cli.run((session) => verify(session, cli, file, flags)),
    );
}

async function verify(
  session: Session,
  cli: Cli,
  file: string | undefined,
  flags: PlaceFlags,
): Promise<number> {
  // A file leaves no question for the environment to answer.
  const place = placeOf(
    flags,
    file === undefined || flags.nats !== undefined ? session.surroundings.env : {},
  );
  if (place && file !== undefined) throw new UsageError('give a file, or a store, not both');
  const stores = await cli.processes.stores();
  if (place) return print(session, await stores.verify(place));
  if (file === undefined) throw new UsageError('say what to verify: FILE, --data DIR or --nats URL,URL,…');
  try {
    const backup = await openBackupFile(file, session.surroundings.stdin);
    return await print(session, await stores.verify({ backup, file }));
  } catch (error) {
    if (!(error instanceof BackupError)) throw error;
    return print(session, damaged(file, error));
  }
}

const damaged = (file: string, { line, reason }: BackupError): StoreVerdict => ({
  place: file,
  revision: 0,
  objects: {},
  facts: {},
  warnings: [],
  problems: [{ object: '', path: `line ${line}`, message: reason }],
});

async function print(session: Session, verdict: StoreVerdict): Promise<number> {
  const { problems, warnings } = verdict;
  const exitCode = problems.length > 0 ? EXIT.failed : EXIT.done;
  if (session.output === 'json') session.print(toJson(verdict));
  else if (session.output === 'yaml') session.print(await toYaml(verdict));
  else if (session.output === 'name') session.print(problems.map(({ object }) => `${object}\n`).join(''));
  else session.print(textOf(verdict));
  for (const warning of warnings) session.warn(safeText(warning));
  return exitCode;
}

function textOf({ place, revision, objects, facts, problems }: StoreVerdict): string {
  const about = Object.entries(facts).map(([name, value]) => `, ${name} ${value}`);
  const head = `${place}: revision ${revision}${about.join('')}\n`;
  if (problems.length === 0) return `${head}${countLines(objects)}no problems\n`;
  const rows = problems.map(({ object, path, message }) => [object || '-', path || '-', message]);
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return `${head}${countLines(objects)}\n${formatTable(['OBJECT', 'PATH', 'PROBLEM'], rows)}${count}\n`;
}
