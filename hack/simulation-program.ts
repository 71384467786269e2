/** What lets a process simulate more clusters in its time. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.ts';

/** Where the packages that it imports are found from. */
const CACHE = fileURLToPath(new URL('../node_modules/.cache/mill/', import.meta.url));

/**
 * Node's options. Most of what a cluster makes is dead at once: with room for it, half as much time goes to collecting it.
 * And where an error comes from is told by a seed that is run again, not by each of thousands.
 */
export const SIMULATION_OPTIONS: readonly string[] = ['--max-semi-space-size=64', '--stack-trace-limit=0'];

export interface Bundle {
  /** Absolute path. */
  readonly file: string;
  remove(): Promise<void>;
}

/**
 * In a folder of its own.
 * @param program absolute path of its TypeScript
 */
export async function bundled(program: string): Promise<Bundle> {
  await mkdir(CACHE, { recursive: true });
  const folder = await mkdtemp(join(CACHE, 'bundle-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  const file = join(folder, basename(program).replace(/\.ts$/, '.mjs'));
  try {
    await bundle(program, file);
  } catch (error) {
    await remove();
    throw error;
  }
  return { file, remove };
}
