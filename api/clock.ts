/** Time, handed in everywhere: the real clock in production, a virtual one in simulation. */

export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Calls back once after `delayMs`; the returned function cancels. */
  schedule(delayMs: number, callback: () => void): () => void;
}

/** The longest delay that Node's timers take; a longer wait is cut to it, and its callback looks at the clock again. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  schedule(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), MAX_TIMER_MS));
    return () => clearTimeout(timer);
  },
};

/** Resolves after `delayMs`, or at once when the signal aborts (no error: the caller looks at the signal). */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.schedule(delayMs, done);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/**
 * Calls back again and again, `intervalMs` after the last time was done, until the signal aborts.
 * @param action never rejects
 */
export function repeat(
  clock: Clock,
  intervalMs: number,
  signal: AbortSignal,
  action: () => void | Promise<void>,
): void {
  let cancel = () => {};
  const next = () => {
    if (!signal.aborted) cancel = clock.schedule(intervalMs, turn);
  };
  const turn = () => {
    const pending = action();
    if (pending) void pending.then(next);
    else next();
  };
  next();
  signal.addEventListener('abort', () => cancel(), { once: true });
}

/** A time as objects write it: RFC 3339, UTC, milliseconds. */
export function timestamp(ms: number): string {
  // One pass of a controller asks for the same time again and again.
  if (ms !== lastMs) [lastMs, lastText] = [ms, new Date(ms).toISOString()];
  return lastText;
}
let lastMs = Number.NaN;
let lastText = '';
