/** `mill backup`: everything in the store, as of one revision, in one file. */
import type { Command } from 'commander';
import manifest from '../../../package.json' with { type: 'json' };
import { BackupError } from '../../backup/format.ts';
import { BackupScanner } from '../../backup/scan.ts';
import { timestamp } from '../../clock.ts';
import { examples } from '../arguments.ts';
import { DASH, writeBackupFile } from '../backup-file.ts';
import type { Cli } from '../cli.ts';
import { CommandError, EXIT, UsageError } from '../exit.ts';
import { toJson, toYaml } from '../output/format.ts';
import type { Session } from '../session.ts';
import { addPlaceOptions, type PlaceFlags, placeOf } from '../store-place.ts';
import type { StorePlace } from '../stores.ts';

interface BackupFlags extends PlaceFlags {
  readonly stale?: boolean;
}

/** Objects between two words on how far it is. */
const PROGRESS_OBJECTS = 1_000;
/** Carriage return, and ANSI "erase to the end of the line". */
const CLEAR_LINE = '\r\u001b[K';

export function define(command: Command, cli: Cli): void {
  addPlaceOptions(
    command.argument(
      '[file]',
      '- for standard output; compressed where it ends in .gz (default: a name with the time)',
    ),
  )
    .option('--stale', 'take what the server has, where it cannot reach the others of its cluster')
    .addHelpText(
      'after',
      `${examples(
        ['mill backup', 'to mill-backup-TIME.jsonl.gz; the server goes on'],
        ['mill backup /backups/mill.jsonl.gz', 'to this file; one that is there is replaced'],
        ['mill backup - | age -r KEY > mill.age', 'through a pipe'],
        ['mill backup --data /var/lib/mill off.jsonl', 'of a server that is stopped, embedded store'],
        ['mill backup --nats nats://a:4222 off.jsonl', 'of a NATS cluster, where no server runs'],
      )}

It holds hashes of tokens, and the environment of the workloads: keep it to yourself. What is not in it: docs/backup.md.`,
    )
    .action((file: string | undefined, flags: BackupFlags) =>
      cli.run((session) => backUp(session, cli, file, flags)),
    );
}

async function backUp(
  session: Session,
  cli: Cli,
  file: string | undefined,
  { stale, ...flags }: BackupFlags,
): Promise<number> {
  // A server is asked, unless the command line says otherwise: the environment says where its state is, no more.
  const place = placeOf(flags, flags.nats === undefined ? {} : session.surroundings.env);
  if (place && stale)
    throw new UsageError('--stale is about a server that runs: leave --data and --nats out');
  const { surroundings } = session;
  const path = file ?? defaultName(surroundings.clock.now());
  const stop = new AbortController();
  const release = surroundings.onInterrupt(() => stop.abort());
  const scanner = new BackupScanner();
  const pieces = place ? offline(cli, place) : online(session, stale === true, stop.signal);
  try {
    const proven = prove(pieces, scanner, session);
    if (path === DASH) for await (const piece of proven) await surroundings.stdout.send(piece);
    else await writeBackupFile(path, proven, stop.signal);
  } catch (error) {
    if (stop.signal.aborted) return EXIT.interrupted;
    throw error instanceof BackupError ? incomplete(error) : error;
  } finally {
    release();
  }
  await report(session, path, scanner);
  return EXIT.done;
}

async function* online(session: Session, stale: boolean, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const connection = await session.connect();
  yield* connection.backup({ stale, signal });
}

async function* offline(cli: Cli, place: StorePlace): AsyncGenerator<Uint8Array> {
  const stores = await cli.processes.stores();
  yield* await stores.backUp(place, manifest.version);
}

/** Passes the pieces on; ends only where they are a whole backup. */
async function* prove(
  pieces: AsyncIterable<Uint8Array>,
  scanner: BackupScanner,
  { surroundings: { stderr } }: Session,
): AsyncGenerator<Uint8Array> {
  let told = 0;
  try {
    for await (const piece of pieces) {
      scanner.push(piece);
      if (stderr.isTTY && scanner.objects - told >= PROGRESS_OBJECTS) {
        told = scanner.objects;
        stderr.write(`${CLEAR_LINE}${told} of ${scanner.header?.objects} objects`);
      }
      yield piece;
    }
    scanner.finish();
  } finally {
    if (told > 0) stderr.write(CLEAR_LINE);
  }
}

const incomplete = (error: BackupError): CommandError =>
  new CommandError(`what came is no whole backup: ${error.message}`, { cause: error });

/** Beside the backup itself: on standard error where that is on standard output. */
async function report(session: Session, path: string, scanner: BackupScanner): Promise<void> {
  const { header, objects } = scanner;
  const revision = header?.revision ?? 0;
  const { sha256 } = scanner.finish();
  const result = { file: path, objects, revision, sha256 };
  const say = (text: string) =>
    (path === DASH ? session.surroundings.stderr : session.surroundings.stdout).write(text);
  if (session.output === 'json') say(toJson(result));
  else if (session.output === 'yaml') say(await toYaml(result));
  else if (session.output === 'name') say(`${path}\n`);
  else say(`${path === DASH ? 'backup' : path}: ${objects} objects at revision ${revision}\n`);
}

/** A name that sorts by time, without the marks that some file systems refuse. */
const defaultName = (nowMs: number): string =>
  `mill-backup-${timestamp(nowMs)
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:]/g, '')}.jsonl.gz`;
