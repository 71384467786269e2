/** How long a slot waits for its next alloc when those before it failed. */
import { type Alloc, isLost } from '../../api/kinds/alloc.ts';

/** Delay after the first failure; it doubles with each further one in a row. */
const FIRST_DELAY_MS = 500;
/** Long enough that a broken service costs little, short enough to be back soon after what broke it is mended. */
const MAX_DELAY_MS = 30_000;
/** An alloc that was healthy for so long did well: its end is not one of a row of failures. */
const DID_WELL_MS = 10_000;

/** On an alloc: how many allocs of its slot had failed in a row when it was created. Those themselves are not kept. */
export const FAILURES_ANNOTATION = 'mill.dev/failures';

/** How many allocs of a slot have failed in a row, the latest being this one; 0 where it did not fail by itself. */
export function failuresInARow(latest: Alloc | undefined): number {
  if (!latest || !isFailure(latest)) return 0;
  const before = Number(latest.metadata.annotations?.[FAILURES_ANNOTATION] ?? 0);
  return (Number.isSafeInteger(before) && before > 0 ? before : 0) + 1;
}

/**
 * When the slot may have its next alloc, in ms since the epoch. The agent's clock says when it ended: where that
 * cannot be, as of our own clock, it counts from its creation.
 */
export function retryAtMs(latest: Alloc, failures: number, nowMs: number): number {
  if (failures === 0) return nowMs;
  // 2⁶ is past the longest delay already; a larger power would only overflow in the end.
  const delayMs = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures - 1, 6));
  const createdAtMs = Date.parse(latest.metadata.creationTimestamp);
  const endedAtMs = latest.status.finishedAt ? Date.parse(latest.status.finishedAt) : createdAtMs;
  const isCredible = endedAtMs >= createdAtMs && endedAtMs <= nowMs + MAX_DELAY_MS;
  return (isCredible ? endedAtMs : createdAtMs) + delayMs;
}

/** True where it is the alloc's own fault: not its node's, not a migration's, and not after a good while. */
function isFailure(alloc: Alloc): boolean {
  const { spec, status } = alloc;
  if (status.phase !== 'failed' || spec.desired === 'stopped' || isLost(alloc)) return false;
  const healthyForMs =
    status.healthyAt && status.finishedAt ? Date.parse(status.finishedAt) - Date.parse(status.healthyAt) : 0;
  return healthyForMs < DID_WELL_MS;
}
