/** A small planted bug: one replacement in one file, as somebody might make it by mistake. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { transform } from 'esbuild';
import type { EngineName } from '../../test/simulation/plan.ts';

export interface Mutant {
  /** Unique. */
  readonly name: string;
  /** From the root of the repository. */
  readonly file: string;
  /** What is wrong with it, in one sentence. */
  readonly what: string;
  /** Found exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** Where it is of one engine only: the seeds are drawn on that; `drill`: they are of the engine on NATS alone. */
  readonly engine?: EngineName | 'drill';
}

/**
 * The file as it is with the bug.
 * @param root of the sources
 * @throws Error where the mutant is stale: its text is not in the file exactly once, or the result is no program
 */
export async function mutated({ name, file, find, replace }: Mutant, root: string): Promise<string> {
  const text = await readFile(join(root, file), 'utf8');
  const found = text.split(find).length - 1;
  if (found !== 1) throw new Error(`mutant ${name} is stale: its text is ${found} times in ${file}`);
  const bad = text.replace(find, () => replace);
  await transform(bad, { loader: 'ts' }).catch((error: Error) => {
    throw new Error(`mutant ${name} is no program: ${error.message}`, { cause: error });
  });
  return bad;
}
