/** What became of one mutant, and where that is kept, so that a run that was ended is taken up again. */
import { createHash } from 'node:crypto';
import { appendFile, mkdir, readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { Mutant } from './mutant.ts';
import type { Find } from './simulation.ts';

export interface Outcome {
  readonly name: string;
  readonly file: string;
  readonly what: string;
  /** Undefined: it survived. */
  readonly caughtBy: 'simulation' | 'model tests' | undefined;
  /** What the simulation found. */
  readonly find: Find | undefined;
  /** The model test that failed. */
  readonly test: string | undefined;
  /** It was given up: it proves nothing. */
  readonly isUnfinished: boolean;
  readonly seconds: number;
}

/** One JSON line an outcome. */
interface Entry {
  /** What it holds for: the sources, the seeds, the mutant. */
  readonly of: string;
  readonly outcome: Outcome;
}

/** Outcomes of this and of earlier runs: they hold as long as the sources, the mutant and the seeds are the same. */
export class Outcomes {
  readonly #path: string;
  /** Of the sources and the seeds. */
  readonly #of: string;
  readonly #known: ReadonlyMap<string, Outcome>;

  private constructor(path: string, of: string, entries: readonly Entry[]) {
    this.#path = path;
    this.#of = of;
    this.#known = new Map(entries.map((entry) => [entry.of, entry.outcome]));
  }

  /**
   * @param parts files and folders, in `root`, whose contents the outcomes depend on
   * @param seeds as the run was told
   */
  static async open(path: string, root: string, parts: readonly string[], seeds: string): Promise<Outcomes> {
    const text = await readFile(path, 'utf8').catch(() => '');
    const lines = text.split('\n').filter((line) => line !== '');
    const entries = lines.map((line) => JSON.parse(line) as Entry);
    return new Outcomes(path, `${await hashOf(root, parts)} ${seeds}`, entries);
  }

  get(mutant: Mutant): Outcome | undefined {
    return this.#known.get(this.#keyOf(mutant));
  }

  /** One that was given up is not kept: it is tried again. */
  async keep(mutant: Mutant, outcome: Outcome): Promise<void> {
    if (outcome.isUnfinished) return;
    const entry: Entry = { of: this.#keyOf(mutant), outcome };
    await mkdir(dirname(this.#path), { recursive: true });
    await appendFile(this.#path, `${JSON.stringify(entry)}\n`);
  }

  #keyOf({ name, file, find, replace }: Mutant): string {
    return [this.#of, name, file, find, replace].join(' ');
  }
}

async function hashOf(root: string, parts: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const part of parts) {
    for (const path of await filesIn(join(root, part))) {
      hash.update(relative(root, path)).update(await readFile(path));
    }
  }
  return hash.digest('hex').slice(0, 16);
}

/** All files below a folder, sorted; a file is its own. */
async function filesIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => undefined);
  if (!entries) return [path];
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
