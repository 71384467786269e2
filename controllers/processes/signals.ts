/** How a foreground process is told to stop. */
import { once } from 'node:events';

/** What an exit by SIGINT is in a shell: 128 + 2. */
const EXIT_BY_INTERRUPT = 130;

/** What is being started; undefined where the process is told to stop before that: then there is nothing yet that would have to be ended. */
export const unlessStopped = <T>(starting: Promise<T>, stopped: Promise<number>): Promise<T | undefined> =>
  Promise.race([starting, stopped.then(() => undefined)]);

/**
 * Resolves at the first SIGTERM (exit code 0) or SIGINT (130). A second signal ends the process at once.
 * @returns the exit code that the signal stands for
 */
export async function untilSignal(): Promise<number> {
  const code = await Promise.race([
    once(process, 'SIGTERM').then(() => 0),
    once(process, 'SIGINT').then(() => EXIT_BY_INTERRUPT),
  ]);
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => process.exit(EXIT_BY_INTERRUPT));
  return code;
}
