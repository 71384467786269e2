/** `mill edit`: an object in the person's editor; what is refused comes back with the reason. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { AnyObject } from '../../kinds/index.ts';
import { examples } from '../arguments.ts';
import type { Cli } from '../cli.ts';
import type { Connection } from '../connection.ts';
import { apiErrorText, CommandError, EXIT, isApiError, UsageError } from '../exit.ts';
import { objectName, readTargets } from '../kind-names.ts';
import { sameJson, threeWay } from '../manifest/merge.ts';
import { type Manifest, parseManifests } from '../manifest/parse.ts';
import { withoutNoise } from '../objects.ts';
import { toYaml } from '../output/format.ts';
import type { Session } from '../session.ts';

export function define(command: Command, cli: Cli): void {
  command
    .argument('<what...>', 'KIND NAME, or KIND/NAME')
    .addHelpText(
      'after',
      examples(
        ['mill edit service web', 'in $MILL_EDITOR, $VISUAL, $EDITOR or vi'],
        ['EDITOR=nano mill edit node/node-3', 'in nano'],
      ),
    )
    .action((words: string[]) => cli.run((session) => edit(session, words)));
}

async function edit(session: Session, words: readonly string[]): Promise<number> {
  const { objects } = readTargets(words);
  const [target] = objects;
  if (!target || objects.length > 1) throw new UsageError('name one object: KIND/NAME');
  const connection = await session.connect();
  const object = await connection.get(target.kind, target.name);
  const label = objectName(target.kind, target.name);
  const original = await editableText(object);
  const directory = await mkdtemp(join(tmpdir(), 'mill-edit-'));
  const file = join(directory, `${target.kind.toLowerCase()}-${target.name}.yaml`);
  let text = original;
  let trouble: string[] = [];
  let isDone = false;
  try {
    for (;;) {
      const header = [`# ${label}: save to change it; an empty file, or no change, changes nothing.`];
      const shown = [...header, ...trouble.map((line) => `# mill: ${line}`), '', text].join('\n');
      await writeFile(file, shown, { mode: 0o600 });
      await runEditor(session, file);
      const written = await readFile(file, 'utf8');
      const body = written.replace(/^#.*\n?/gm, '').trim();
      if (body === '' || body === original.trim() || written === shown) {
        isDone = true;
        // Left as it was after a refusal: the person gives up.
        if (trouble.length > 0) throw new CommandError(`${label} not changed: ${trouble[0]}`);
        session.printLine(`${label} not changed`);
        return EXIT.done;
      }
      const outcome = await save(connection, object, written);
      if (outcome.saved) {
        isDone = true;
        session.printLine(`${label} edited`);
        return EXIT.done;
      }
      text = `${body}\n`;
      trouble = outcome.trouble;
    }
  } finally {
    if (isDone) await rm(directory, { recursive: true, force: true });
    else session.warn(`your text is kept in ${file}`);
  }
}

/** Without status and what the server sets. */
async function editableText(object: AnyObject): Promise<string> {
  const { apiVersion, kind, metadata, spec } = withoutNoise(object) as AnyObject;
  const { name, labels, annotations, finalizers } = metadata;
  return toYaml({
    apiVersion,
    kind,
    metadata: {
      name,
      ...(labels ? { labels } : {}),
      ...(annotations ? { annotations } : {}),
      ...(finalizers ? { finalizers } : {}),
    },
    spec,
  });
}

type Outcome = { readonly saved: true } | { readonly saved: false; readonly trouble: string[] };
const trouble = (...lines: string[]): Outcome => ({ saved: false, trouble: lines });

async function save(connection: Connection, before: AnyObject, written: string): Promise<Outcome> {
  const { manifests, problems } = parseManifests([{ file: 'the text', text: written }]);
  const [manifest] = manifests;
  if (problems.length > 0) return trouble(...problems);
  if (!manifest || manifests.length > 1) return trouble('the text must hold one object');
  if (manifest.kind !== before.kind || manifest.name !== before.metadata.name) {
    return trouble('kind and name cannot be changed');
  }
  const patch = await editPatch(before, manifest);
  if (sameJson(patch, {})) return { saved: true };
  try {
    await connection.patch(before.kind, before.metadata.name, patch);
    return { saved: true };
  } catch (error) {
    if (!isApiError(error) || !['Invalid', 'BadRequest', 'Conflict'].includes(error.reason)) throw error;
    return trouble(apiErrorText(error));
  }
}

/** What the person changed and nothing else, whatever others change meanwhile. */
async function editPatch(before: AnyObject, { object }: Manifest) {
  const { manifests } = parseManifests([{ file: '', text: await editableText(before) }]);
  const shown = (manifests[0]?.object ?? {}) as Readonly<Record<string, unknown>>;
  return threeWay(shown, shown, object as unknown as Readonly<Record<string, unknown>>);
}

async function runEditor(session: Session, file: string): Promise<void> {
  const { env } = session.surroundings;
  const editor = env.MILL_EDITOR || env.VISUAL || env.EDITOR || 'vi';
  const { spawn } = await import('node:child_process');
  // By the shell, because people write arguments in it: EDITOR="code --wait".
  const child = spawn('/bin/sh', ['-c', `${editor} "$1"`, 'mill-edit', file], { stdio: 'inherit' });
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(signal ? 1 : (code ?? 1)));
  });
  if (exitCode !== 0) throw new CommandError(`the editor "${editor}" ended with exit code ${exitCode}`);
}
