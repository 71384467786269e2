/** A scratch copy of the sources, in which one mutant at a time is planted. */
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Mutant, mutated } from './mutant.ts';

/** What the simulation and the model tests are made of. */
export const PARTS = [
  'api',
  'runtime',
  'controllers',
  'test',
  'package.json',
  'tsconfig.json',
  '.mocharc.json',
];

export class Tree {
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  /** @param source root of the repository */
  static async copyOf(source: string): Promise<Tree> {
    const root = await mkdtemp(join(tmpdir(), 'mill-mutants-'));
    for (const part of PARTS) await cp(join(source, part), join(root, part), { recursive: true });
    await symlink(join(source, 'node_modules'), join(root, 'node_modules'));
    return new Tree(root);
  }

  /** The tree has the bug while `work` goes on, and is whole again afterwards. @throws Error where it is stale */
  async with<T>(mutant: Mutant, work: () => Promise<T>): Promise<T> {
    const path = join(this.root, mutant.file);
    const whole = await readFile(path);
    await writeFile(path, await mutated(mutant, this.root));
    try {
      return await work();
    } finally {
      await writeFile(path, whole);
    }
  }

  async remove(): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }
}
