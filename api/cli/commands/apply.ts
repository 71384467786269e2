/** `mill apply`: makes the objects of files so, changing only what the files say; all of it is checked before any of it is written. */
import type { Command } from 'commander';
import type { AnyObject } from '../../kinds/index.ts';
import { examples, repeated } from '../arguments.ts';
import type { Cli } from '../cli.ts';
import type { Connection } from '../connection.ts';
import { EXIT, isApiError } from '../exit.ts';
import { objectName } from '../kind-names.ts';
import { annotate, applyPatch, sameIntent } from '../manifest/merge.ts';
import { type Manifest, parseManifests } from '../manifest/parse.ts';
import { reportProblems, tellProblems } from '../manifest/problems.ts';
import { readManifests } from '../manifest/read.ts';
import { nameOf, toJson, toYaml } from '../output/format.ts';
import type { Session } from '../session.ts';

interface ApplyFlags {
  readonly filename?: string[];
  readonly dryRun?: boolean;
}

/** What a manifest comes to. */
interface Change {
  readonly manifest: Manifest;
  readonly verb: 'created' | 'configured' | 'unchanged';
  /** What is there, or, from the dry run, what would be. */
  readonly result: AnyObject;
  readonly write?: (dryRun: boolean) => Promise<AnyObject>;
}

export function define(command: Command, cli: Cli): void {
  command
    .requiredOption(
      '-f, --filename <path>',
      'file, directory (its *.yaml, *.yml, *.json), or - for stdin',
      repeated,
    )
    .option('--dry-run', 'say what would change, and change nothing')
    .addHelpText(
      'after',
      examples(
        ['mill apply -f web.yaml', 'create or update the objects of a file'],
        ['mill apply -f manifests/ -f more.yaml', 'a directory, read flat, and a file'],
        ['cat web.yaml | mill apply -f -', 'from stdin'],
        ['mill apply -f web.yaml --dry-run', 'check it, and see what would change'],
      ),
    )
    .action((flags: ApplyFlags) => cli.run((session) => apply(session, flags)));
}

export async function apply(
  session: Session,
  { filename = [], dryRun = false }: ApplyFlags,
): Promise<number> {
  const texts = await readManifests(filename, session.surroundings.stdin);
  const { manifests, problems } = parseManifests(texts);
  if (problems.length > 0) return reportProblems(session, problems);
  const connection = await session.connect();
  const changes: Change[] = [];
  const refused: string[] = [];
  for (const manifest of manifests) {
    try {
      changes.push(await planChange(connection, manifest));
    } catch (error) {
      refused.push(...tellProblems(manifest, error));
    }
  }
  if (refused.length > 0) return reportProblems(session, refused);
  const results: AnyObject[] = [];
  for (const change of changes) {
    const { result, problem } = await carryOut(change, dryRun);
    if (problem) {
      session.print(await resultsText(session, results));
      return reportProblems(session, problem, 'what is listed above was written, the rest was not');
    }
    results.push(result);
    if (session.output === 'table' || session.output === 'wide') printChange(session, change, dryRun);
  }
  session.print(await resultsText(session, results));
  return EXIT.done;
}

/** Looks what there is and asks the server, by a dry run, whether it would take the change. Writes nothing. */
async function planChange(connection: Connection, manifest: Manifest): Promise<Change> {
  const { kind, name, object } = manifest;
  const live = await connection.get(kind, name).catch((error: unknown) => {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  });
  if (!live) {
    const write = (dryRun: boolean) => connection.create(annotate(object), { dryRun });
    return { manifest, verb: 'created', result: await write(true), write };
  }
  const patch = applyPatch(live, object);
  if (!patch) return { manifest, verb: 'unchanged', result: live };
  const write = (dryRun: boolean) => connection.patch(kind, name, patch, { dryRun });
  const result = await write(true);
  // A list in which the server fills in defaults looks changed until the server has looked at it.
  if (sameIntent(live, result)) return { manifest, verb: 'unchanged', result: live };
  return { manifest, verb: 'configured', result, write };
}

async function carryOut(change: Change, dryRun: boolean): Promise<{ result: AnyObject; problem?: string[] }> {
  if (dryRun || !change.write) return { result: change.result };
  try {
    return { result: await change.write(false) };
  } catch (error) {
    return { result: change.result, problem: tellProblems(change.manifest, error) };
  }
}

function printChange(session: Session, { manifest, verb }: Change, dryRun: boolean): void {
  const subject = objectName(manifest.kind, manifest.name);
  const shown = verb === 'unchanged' ? session.style.faint(verb) : session.style.good(verb);
  session.printLine(`${subject} ${shown}${dryRun ? ' (dry run)' : ''}`);
}

/** For `-o json|yaml|name`: the objects as they are now. */
async function resultsText(session: Session, results: readonly AnyObject[]): Promise<string> {
  const [only] = results;
  const value = results.length === 1 ? only : { apiVersion: 'v1', kind: 'List', items: results };
  if (results.length === 0) return '';
  if (session.output === 'json') return toJson(value);
  if (session.output === 'yaml') return toYaml(value);
  if (session.output === 'name') return results.map((object) => `${nameOf(object)}\n`).join('');
  return '';
}
