/** What a migration reports: the phase it is in, who replaces whom and where, and how long it took. */

import { timestamp } from '../../api/clock.ts';
import type { Migration, MigrationStatus } from '../../api/kinds/migration.ts';
import type { Facts } from './facts.ts';
import type { State } from './machine.ts';

const ENDS: readonly State[] = ['done', 'failed', 'cancelled'];

export function report(migration: Migration, facts: Facts, state: State, nowMs: number): MigrationStatus {
  const before = migration.status;
  if (facts.end !== undefined) return before;
  // Nothing to say before there is a replacement: that its alloc appears brings the next report.
  if (state === 'placing') return { ...before, phase: state };
  const now = timestamp(nowMs);
  const { healthy, ...rest } = before;
  return {
    ...rest,
    phase: state,
    strategy: facts.strategy,
    startedAt: migration.metadata.creationTimestamp,
    ...(facts.replacementName === undefined ? {} : { replacement: facts.replacementName }),
    ...(facts.target === undefined ? {} : { target: facts.target }),
    deadline: before.deadline ?? timestamp(nowMs + facts.healthyDeadlineMs),
    ...health(healthy, facts.healthySince, now),
    ...routing(before, facts, state, nowMs),
    ...(ENDS.includes(state) ? { finishedAt: now } : {}),
    observedGeneration: migration.metadata.generation,
  };
}

/** What is recorded of a stay holds for that stay only. */
function health(
  recorded: MigrationStatus['healthy'],
  since: string | undefined,
  now: string,
): Pick<MigrationStatus, 'healthy'> {
  if (since === undefined) return {};
  return { healthy: recorded?.since === since ? recorded : { since, seenAt: now } };
}

/** When somebody served again, and for how long nobody did. */
function routing(
  before: MigrationStatus,
  facts: Facts,
  state: State,
  nowMs: number,
): Pick<MigrationStatus, 'routedAt' | 'gapMs'> {
  const isForward = state === 'stoppingOriginal' || state === 'done';
  const routedAt =
    before.routedAt ?? (isForward && facts.replacement === 'routed' ? timestamp(nowMs) : undefined);
  const isBack = (state === 'failed' || state === 'cancelled') && facts.original === 'serving';
  const servedAgainMs = routedAt === undefined ? (isBack ? nowMs : undefined) : Date.parse(routedAt);
  const { unroutedAt, gapMs } = before;
  const measured =
    unroutedAt === undefined || servedAgainMs === undefined
      ? undefined
      : Math.max(0, servedAgainMs - Date.parse(unroutedAt));
  return {
    ...(routedAt === undefined ? {} : { routedAt }),
    ...(measured === undefined && gapMs === undefined ? {} : { gapMs: gapMs ?? measured ?? 0 }),
  };
}
