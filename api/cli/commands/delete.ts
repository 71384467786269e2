/** `mill delete`: deletes objects, and waits until they are gone. */
import type { Command } from 'commander';
import { examples, repeated } from '../arguments.ts';
import type { Cli } from '../cli.ts';
import type { Connection } from '../connection.ts';
import { CommandError, EXIT, isApiError, UsageError } from '../exit.ts';
import { Mirror } from '../follow/mirror.ts';
import { type ObjectReference, objectName, readTargets } from '../kind-names.ts';
import { listAll } from '../objects.ts';
import type { Session } from '../session.ts';

interface DeleteFlags {
  readonly filename?: string[];
  readonly selector?: string;
  readonly wait: string | boolean;
  readonly ignoreNotFound?: boolean;
}

export function define(command: Command, cli: Cli): void {
  command
    .argument('[what...]', 'KIND NAME…, or KIND/NAME…, or KIND with -l')
    .option('-f, --filename <path>', 'what these files describe', repeated)
    .option('-l, --selector <labels>', 'objects of the kind with these labels')
    .option('--wait [yes]', 'wait until they are gone; --wait=false does not', 'true')
    .option('--ignore-not-found', 'what is not there is no error')
    .addHelpText(
      'after',
      examples(
        ['mill delete service web', 'stop it and delete it'],
        ['mill delete -f web.yaml', 'all that the file describes'],
        ['mill delete tasks -l run=nightly --wait=false', 'do not wait'],
      ),
    )
    .action((words: string[], flags: DeleteFlags) =>
      cli.run((session) => deleteObjects(session, words, flags)),
    );
}

async function deleteObjects(
  session: Session,
  words: readonly string[],
  flags: DeleteFlags,
): Promise<number> {
  const waits = readWait(flags.wait);
  const { objects, connection } = await chooseObjects(session, words, flags);
  const missing: string[] = [];
  const deleted: { object: ObjectReference; uid: string }[] = [];
  for (const object of objects) {
    try {
      const { metadata } = await connection.get(object.kind, object.name);
      await connection.delete(object.kind, object.name, { uid: metadata.uid });
      deleted.push({ object, uid: metadata.uid });
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
      if (!flags.ignoreNotFound) missing.push(objectName(object.kind, object.name));
    }
  }
  for (const { object, uid } of deleted) {
    if (waits && !(await untilGone(session, connection, object, uid))) return EXIT.interrupted;
    session.printLine(`${objectName(object.kind, object.name)} deleted`);
  }
  if (missing.length > 0) throw new CommandError(`${missing.join(', ')} not found`);
  return EXIT.done;
}

async function chooseObjects(
  session: Session,
  words: readonly string[],
  { filename, selector }: DeleteFlags,
): Promise<{ objects: readonly ObjectReference[]; connection: Connection }> {
  if (filename) {
    if (words.length > 0 || selector) throw new UsageError('-f says already what to delete');
    const { parseManifests } = await import('../manifest/parse.ts');
    const { readManifests } = await import('../manifest/read.ts');
    const { manifests, problems } = parseManifests(await readManifests(filename, session.surroundings.stdin));
    const [first, ...more] = problems;
    if (first !== undefined)
      throw new CommandError(first, { more: more.map((problem) => `mill: ${problem}`) });
    // What was made last goes first.
    return { objects: [...manifests].reverse(), connection: await session.connect() };
  }
  const { kinds, objects } = readTargets(words);
  const connection = await session.connect();
  if (kinds.length === 0) return { objects, connection };
  if (!selector)
    throw new UsageError('give names or a selector (-l): all objects of a kind are not deleted at once');
  const found: ObjectReference[] = [];
  for (const kind of kinds) {
    const { items } = await listAll(connection, kind, { labelSelector: selector });
    found.push(...items.map(({ metadata }) => ({ kind, name: metadata.name })));
  }
  if (found.length === 0) throw new CommandError(`nothing has the labels "${selector}"`);
  return { objects: found, connection };
}

/** False where Ctrl-C ended the waiting. Another object of the same name is another object. */
async function untilGone(
  session: Session,
  connection: Connection,
  { kind, name }: ObjectReference,
  uid: string,
): Promise<boolean> {
  const interrupt = new AbortController();
  const forget = session.surroundings.onInterrupt(() => interrupt.abort());
  const { clock } = session.surroundings;
  const feeds = [{ kind, fieldSelector: `metadata.name=${name}` }];
  const mirror = new Mirror(connection, feeds, { clock, signal: interrupt.signal });
  try {
    for await (const _ of mirror.changes()) if (mirror.get(kind, name)?.metadata.uid !== uid) return true;
    session.warn(`stopped waiting; the deletion of ${objectName(kind, name)} goes on`);
    return false;
  } finally {
    forget();
  }
}

function readWait(wait: string | boolean): boolean {
  if (wait === true || wait === 'true') return true;
  if (wait === 'false') return false;
  throw new UsageError('--wait is true or false');
}
