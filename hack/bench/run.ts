/** `npm run bench`: every bench after the other, as JSON lines. */
import { spawnSync } from 'node:child_process';

const BENCHES = ['store', 'jetstream', 'copies', 'gateway', 'start', 'drain', 'fleet'];

for (const bench of BENCHES) {
  const { status } = spawnSync('npx', ['tsx', `hack/bench/${bench}.ts`], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
