/** The nodes that a command is about: by name, or by label after a question. */
import { createInterface } from 'node:readline/promises';
import { CommandError, UsageError } from './exit.ts';
import { listAll } from './objects.ts';
import type { Session } from './session.ts';

/**
 * Names of nodes; `node/node-3` is taken as well.
 * @throws UsageError where none or both are given; CommandError where a selector finds none, or the person says no
 */
export async function chooseNodes(
  session: Session,
  names: readonly string[],
  { selector, yes, dryRun }: { selector?: string; yes?: boolean; dryRun?: boolean },
  verb: string,
): Promise<string[]> {
  if (names.length > 0 && selector) throw new UsageError('give names of nodes or a selector, not both');
  if (names.length > 0) return [...new Set(names.map(nodeName))];
  if (!selector) throw new UsageError(`say which: mill ${verb} NODE…, or -l LABELS`);
  const { items } = await listAll(await session.connect(), 'Node', { labelSelector: selector });
  const found = items.map(({ metadata }) => metadata.name);
  if (found.length === 0) throw new CommandError(`no node has the labels "${selector}"`);
  if (!yes && !dryRun && session.surroundings.stdin.isTTY) await confirm(session, found, verb);
  return found;
}

const nodeName = (word: string): string => {
  const name = word.replace(/^(node|nodes|no)\//, '');
  if (name === '' || name.includes('/')) throw new UsageError(`"${word}" is not the name of a node`);
  return name;
};

async function confirm(session: Session, nodes: readonly string[], verb: string): Promise<void> {
  session.surroundings.stderr.write(`${verb} ${nodes.join(', ')}? [y/N] `);
  const lines = createInterface({ input: session.surroundings.stdin.read() as NodeJS.ReadableStream });
  try {
    for await (const line of lines) {
      if (/^\s*y(es)?\s*$/i.test(line)) return;
      break;
    }
  } finally {
    lines.close();
  }
  throw new CommandError('nothing was changed');
}
