/** Time that only passes: for how long something lasts, whatever is done to the machine's clock meanwhile. */
import type { Clock } from '../api/clock.ts';

/**
 * A clock that never goes back, and that a timer moves on by its delay at least. It goes forward with a clock that is
 * put forward: that is not to be told from a machine that stood still. Its times are compared with one another only.
 */
export function steadyClock(clock: Clock): Clock {
  let offsetMs = 0;
  let lastMs = clock.now();
  const atLeast = (ms: number): number => {
    const nowMs = clock.now() + offsetMs;
    if (nowMs < ms) offsetMs += ms - nowMs;
    lastMs = Math.max(nowMs, ms);
    return lastMs;
  };
  const now = () => atLeast(lastMs);
  return {
    now,
    schedule(delayMs, callback) {
      const dueMs = now() + Math.max(0, delayMs);
      return clock.schedule(delayMs, () => {
        atLeast(Math.max(dueMs, lastMs));
        callback();
      });
    },
  };
}
