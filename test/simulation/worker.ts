/** Simulates the seeds that its parent process sends it, one after the other. */
import { simulateSeed } from './run.ts';

process.on('message', (seed: number) => {
  void simulateSeed(seed).then(({ story: _, ...result }) => process.send?.(result));
});
