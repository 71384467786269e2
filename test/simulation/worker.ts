/** Simulates the seeds that its parent process sends it, one after the other: on the engine of its first argument, or as drawn. */
import { readEngine } from './plan.ts';
import { simulateSeed } from './run.ts';

const engine = readEngine(process.argv[2]);

process.on('message', async (seed: number) => {
  const before = process.cpuUsage();
  const { story: _, ...result } = await simulateSeed(seed, engine);
  const { user, system } = process.cpuUsage(before);
  process.send?.({ ...result, cpuMs: (user + system) / 1_000 });
});
// Ctrl-C reaches it as well: its parent lets it finish what it is at.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {});
