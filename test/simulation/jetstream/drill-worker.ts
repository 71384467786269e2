/** Drills the seeds that its parent process sends it, one after the other. */
import { drawDrill, runDrill } from './drill.ts';

process.on('message', async (seed: number) => {
  const { violation: message } = await runDrill(drawDrill(seed));
  process.send?.(message === undefined ? {} : { violation: { invariant: 'drill', message } });
});
