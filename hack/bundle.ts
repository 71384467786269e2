/** One file of a program and all that it imports. */
import { build } from 'esbuild';

/**
 * Runs faster than what `tsx` makes of each file, which names every function anew each time; it is what mill runs as, too.
 * @param program absolute path of its TypeScript
 * @param outfile where it goes; the packages that it imports are looked for from there
 */
export async function bundle(program: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [program],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    logLevel: 'warning',
  });
}
