/** Durations as people write them: `500ms`, `30s`, `1h30m`. */
import { Type } from '@sinclair/typebox';

const PATTERN = '^([0-9]+(\\.[0-9]+)?(ms|s|m|h|d))+$';
const WHOLE = new RegExp(PATTERN);
const PARTS = /([0-9.]+)(ms|s|m|h|d)/g;
const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Schema of a duration, with its default and what it means. */
export const Duration = (options: { default?: string; description?: string } = {}) =>
  Type.String({
    pattern: PATTERN,
    maxLength: 32,
    title: 'a duration such as 500ms, 30s, 5m, 1h30m',
    ...options,
  });

/**
 * Milliseconds of a duration.
 * @throws RangeError where the text is no duration
 */
export function durationMs(text: string): number {
  if (!WHOLE.test(text)) {
    throw new RangeError(`"${text}" is not a duration: write for example 500ms, 30s, 5m or 1h30m`);
  }
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(PARTS)) {
    totalMs += Number(amount) * (UNIT_MS[unit ?? ''] ?? 0);
  }
  return totalMs;
}

/** A short text for a person: `850ms`, `4.2s`, `3m10s`, `5h2m`, `12d`. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)}ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)}s`;
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10 && seconds % 60) return `${minutes}m${seconds % 60}s`;
  if (minutes < 120) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 && hours < 8 ? `${hours}h${minutes % 60}m` : `${hours}h`;
  return `${Math.floor(hours / 24)}d`;
}
