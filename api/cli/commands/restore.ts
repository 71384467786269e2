/** `mill restore`: makes a store of a backup, where nothing is. */
import type { Command } from 'commander';
import { BackupError, type BackupHeader } from '../../backup/format.ts';
import { examples } from '../arguments.ts';
import { openBackupFile } from '../backup-file.ts';
import type { Cli } from '../cli.ts';
import { CommandError, EXIT, UsageError } from '../exit.ts';
import { countLines } from '../output/counts.ts';
import { toJson, toYaml } from '../output/format.ts';
import type { Session } from '../session.ts';
import { addPlaceOptions, type PlaceFlags, placeOf } from '../store-place.ts';
import type { Restored } from '../stores.ts';

interface RestoreFlags extends PlaceFlags {
  readonly volumes?: string;
  readonly dryRun?: boolean;
}

export function define(command: Command, cli: Cli): void {
  addPlaceOptions(command.argument('<file>', 'the backup, compressed or not; - for standard input'))
    .option(
      '--volumes <dir>',
      'where the servers have the local volumes (default: in --data; with --nats: as they were)',
    )
    .option('--dry-run', 'read and check all of it, and write nothing')
    .addHelpText(
      'after',
      `${examples(
        ['mill restore mill.jsonl.gz --data /var/lib/mill', 'then: mill server --data /var/lib/mill'],
        ['mill restore mill.jsonl.gz --data ./state --dry-run', 'what it would do'],
        ['mill restore mill.jsonl.gz --nats nats://a,nats://b,nats://c', 'into a NATS cluster'],
      )}

Stop the servers first. A store that is not empty is never touched. Two servers with the state of one cluster give
orders to the same agents: make sure that the old one does not come back. docs/backup.md goes step by step.`,
    )
    .action((file: string, flags: RestoreFlags) => cli.run((session) => restore(session, cli, file, flags)));
}

async function restore(session: Session, cli: Cli, file: string, flags: RestoreFlags): Promise<number> {
  const place = placeOf(flags, session.surroundings.env);
  if (!place) throw new UsageError('say where to: --data DIR or --nats URL,URL,…');
  const { volumes } = flags;
  const dryRun = flags.dryRun === true;
  const stores = await cli.processes.stores();
  const { surroundings } = session;
  const stop = new AbortController();
  const release = surroundings.onInterrupt(() => stop.abort());
  const options = { dryRun, signal: stop.signal, ...(volumes === undefined ? {} : { volumes }) };
  try {
    const backup = await openBackupFile(file, surroundings.stdin);
    await print(session, backup.header, await stores.restore(backup, place, options), dryRun);
  } catch (error) {
    if (stop.signal.aborted) return EXIT.interrupted;
    if (!(error instanceof BackupError)) throw error;
    throw new CommandError(`${file}: ${error.message}; nothing was restored`, { cause: error });
  } finally {
    release();
  }
  return EXIT.done;
}

async function print(
  session: Session,
  backup: BackupHeader,
  restored: Restored,
  dryRun: boolean,
): Promise<void> {
  const { place, revision } = restored;
  if (session.output === 'json') return session.print(toJson({ ...restored, dryRun, backup }));
  if (session.output === 'yaml') return session.print(await toYaml({ ...restored, dryRun, backup }));
  if (session.output === 'name') return session.printLine(place);
  session.print(countLines(restored.objects));
  const of = `the backup of ${backup.time} at revision ${backup.revision}`;
  if (dryRun) session.printLine(`${of} would be restored into ${place} (dry run: nothing was written)`);
  else session.printLine(`${of} is restored into ${place}, which goes on after revision ${revision}`);
}
