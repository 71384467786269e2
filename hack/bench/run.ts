/**
 * Benches, as JSON lines: `npm run bench` runs each after the other, `npm run bench -- NAME [OPTION …]` one of them. Each runs as
 * one bundled file, as mill itself does.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { bundle } from '../bundle.ts';

const BENCHES = ['store', 'jetstream', 'copies', 'gateway', 'start', 'drain', 'fleet'];
/** As deep as this folder: what a bench looks for beside it, it finds from there as well. */
const BUNDLES = new URL('../../dist/bench/', import.meta.url);

const [wanted, ...options] = process.argv.slice(2);
if (wanted === undefined) for (const name of BENCHES) await run(name);
else if (BENCHES.includes(wanted)) await run(wanted, options);
else {
  console.error(`bench: there is no bench "${wanted}", only ${BENCHES.join(', ')}`);
  process.exitCode = 2;
}

async function run(name: string, words: readonly string[] = []): Promise<void> {
  const file = fileURLToPath(new URL(`${name}.mjs`, BUNDLES));
  await bundle(fileURLToPath(new URL(`${name}.ts`, import.meta.url)), file);
  const { status } = spawnSync(process.execPath, [file, ...words], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
