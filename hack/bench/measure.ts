/** What benches share: timed rounds with so many operations in flight, rates, percentiles, JSON lines. */
import { performance } from 'node:perf_hooks';

export const emit = (result: object): void => console.log(JSON.stringify(result));

/** Repeats an operation for so long, so many at a time. Adds how long each took, in milliseconds. */
export async function measure(
  operation: () => Promise<unknown>,
  inFlight: number,
  times: number[],
  roundMs = 500,
): Promise<void> {
  const until = performance.now() + roundMs;
  const worker = async () => {
    while (performance.now() < until) {
      const startedAt = performance.now();
      await operation();
      times.push(performance.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
}

export const perSecond = (times: readonly number[], inFlight: number): number => {
  const busyMs = times.reduce((sum, ms) => sum + ms, 0) / inFlight;
  return Math.round(times.length / (busyMs / 1_000));
};

export function percentiles(times: readonly number[]): { readonly p50Ms: number; readonly p99Ms: number } {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) => round(sorted[Math.floor(sorted.length * share)] ?? 0);
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}

export const round = (value: number, digits = 3): number => Number(value.toFixed(digits));
