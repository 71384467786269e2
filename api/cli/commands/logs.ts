/** `mill logs`: what a workload wrote; of a service, what all its live allocs write, or the last one that ended. */
import type { Command } from 'commander';
import type { Alloc } from '../../kinds/alloc.ts';
import { examples, wholeNumber } from '../arguments.ts';
import type { Cli } from '../cli.ts';
import type { Connection } from '../connection.ts';
import { CommandError, EXIT, isApiError, UsageError } from '../exit.ts';
import { lookUpKind } from '../kind-names.ts';
import { listAll } from '../objects.ts';
import type { Session } from '../session.ts';

interface LogFlags {
  readonly follow?: boolean;
  readonly tail?: number;
}

/** Longest line that is held back until its end comes, in characters: what is longer is printed in parts. */
const MAX_LINE_LENGTH = 65_536;

export function define(command: Command, cli: Cli): void {
  command
    .argument('<what>', 'an alloc, a service or a task: NAME, or KIND/NAME')
    .option('-f, --follow', 'go on with what it writes')
    .option('--tail <n>', 'begin with the last n lines', wholeNumber(0))
    .addHelpText(
      'after',
      examples(
        ['mill logs web-0-ab12c', 'what one alloc wrote'],
        ['mill logs web -f --tail 20', 'all live allocs of a service, as they write'],
        ['mill logs task/backup', 'what a task wrote'],
      ),
    )
    .action((what: string, flags: LogFlags) => cli.run((session) => logs(session, what, flags)));
}

async function logs(session: Session, what: string, flags: LogFlags): Promise<number> {
  const connection = await session.connect();
  const { allocs, isPrefixed } = await findAllocs(connection, what);
  const interrupt = new AbortController();
  const forget = session.surroundings.onInterrupt(() => interrupt.abort());
  const stop = new AbortController();
  const signal = AbortSignal.any([interrupt.signal, stop.signal]);
  try {
    await Promise.all(
      allocs.map((alloc) =>
        printLog(session, connection, alloc, isPrefixed ? `[${alloc}] ` : '', flags, signal),
      ),
    );
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
  } finally {
    stop.abort();
    forget();
  }
  return interrupt.signal.aborted ? EXIT.interrupted : EXIT.done;
}

async function findAllocs(
  connection: Connection,
  what: string,
): Promise<{ allocs: string[]; isPrefixed: boolean }> {
  const [word = '', named, more] = what.split('/');
  const kind = named === undefined ? undefined : lookUpKind(word);
  if (
    named !== undefined &&
    (!named || more !== undefined || !['Alloc', 'Service', 'Task'].includes(kind ?? ''))
  ) {
    throw new UsageError(`"${what}" is neither an alloc nor a service nor a task`);
  }
  const name = named ?? word;
  if (kind === 'Alloc' || (kind === undefined && (await hasAlloc(connection, name)))) {
    return { allocs: [name], isPrefixed: false };
  }
  const { items } = await listAll(connection, 'Alloc', { fieldSelector: `spec.owner.name=${name}` });
  const owned = items.filter(({ spec }) => kind === undefined || spec.owner.kind === kind);
  const live = owned.filter(({ status }) => status.phase !== 'stopped' && status.phase !== 'failed');
  // Where none is live, the one that ended last says why.
  const chosen: readonly Alloc[] = live.length > 0 ? live : owned.toSorted(byEnd).slice(-1);
  if (chosen.length === 0)
    throw new CommandError(`"${what}": there is no alloc of that name, nor one of such a service or task`);
  return { allocs: chosen.map(({ metadata }) => metadata.name), isPrefixed: chosen.length > 1 };
}

const byEnd = (a: Alloc, b: Alloc): number =>
  Date.parse(a.status.finishedAt ?? a.metadata.creationTimestamp) -
  Date.parse(b.status.finishedAt ?? b.metadata.creationTimestamp);

async function hasAlloc(connection: Connection, name: string): Promise<boolean> {
  try {
    await connection.get('Alloc', name);
    return true;
  } catch (error) {
    if (isApiError(error, 'NotFound')) return false;
    throw error;
  }
}

/** Whole lines where they are prefixed, so that those of several allocs do not run into each other. */
async function printLog(
  session: Session,
  connection: Connection,
  alloc: string,
  prefix: string,
  { follow, tail }: LogFlags,
  signal: AbortSignal,
): Promise<void> {
  const decoder = new TextDecoder();
  const options = {
    signal,
    ...(follow ? { follow } : {}),
    ...(tail === undefined ? {} : { tailLines: tail }),
  };
  let held = '';
  for await (const bytes of connection.logs(alloc, options)) {
    const chunk = decoder.decode(bytes, { stream: true });
    if (!prefix) {
      session.print(chunk);
      continue;
    }
    const lines = `${held}${chunk}`.split('\n');
    held = lines.pop() ?? '';
    if (held.length > MAX_LINE_LENGTH) {
      lines.push(held);
      held = '';
    }
    for (const line of lines) session.printLine(`${prefix}${line}`);
  }
  if (held) session.printLine(`${prefix}${held}`);
}
