/** What an agent reports of an alloc. A phase that passes at once is left out: each report is a commit. */

import { timestamp } from '../../api/clock.ts';
import type { Alloc, AllocReason, AllocStatus } from '../../api/kinds/alloc.ts';
import { type Facts, NOT_HEALTHY_AFTER_MS, TRANSIENT_MS } from './facts.ts';
import type { State } from './machine.ts';

/** Longest message, in characters; the schema takes 4,096. */
const MAX_MESSAGE_LENGTH = 4_000;

export function allocStatus(alloc: Alloc, facts: Facts, state: State, nowMs: number): AllocStatus {
  const { status } = alloc;
  switch (state) {
    case 'clearing':
    case 'over':
    case 'unrouting':
    case 'ending':
      return status;
    case 'stopping':
      return isPassing(facts) ? status : { ...base(alloc), ...processOf(facts), phase: 'stopping' };
    case 'suspended':
      return {
        ...base(alloc),
        phase: 'suspended',
        suspendedAt: status.suspendedAt ?? timestamp(nowMs),
      };
    case 'stopped':
      return over(
        alloc,
        facts,
        nowMs,
        'stopped',
        'Stopped',
        `it was stopped (${alloc.spec.stopReason ?? 'Requested'})`,
      );
    case 'ended':
      return ended(alloc, facts, nowMs);
    case 'awaitingVolumes': {
      // One that waits on its way back from a suspension is suspended still: its volume may move past it.
      const phase = status.suspendedAt === undefined ? 'pending' : 'suspended';
      const message = facts.missingVolumes.join('; ');
      return { ...base(alloc), ...suspension(status), phase, reason: 'WaitingForVolume', message };
    }
    case 'starting':
      return isPassing(facts) ? status : { ...base(alloc), ...suspension(status), phase: 'starting' };
    case 'probing':
      if (isPassing(facts) && facts.isUnreported) return status;
      return { ...base(alloc), ...processOf(facts), phase: 'running', ...notHealthy(facts) };
    case 'healthy': {
      const { healthySinceMs = nowMs } = facts.supervision ?? {};
      return { ...base(alloc), ...processOf(facts), phase: 'healthy', healthyAt: timestamp(healthySinceMs) };
    }
  }
}

/** What stays whatever happens: the rest is said anew by each phase. */
function base({ metadata, status }: Alloc) {
  const { route, startedAt, ports, address } = status;
  return {
    ...(route === undefined ? {} : { route }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(ports === undefined ? {} : { ports }),
    ...(address === undefined ? {} : { address }),
    observedGeneration: metadata.generation,
  };
}

/** It may be something else in a moment, and then only that is worth a commit. */
const isPassing = ({ lastedMs }: Facts): boolean => lastedMs < TRANSIENT_MS;

const suspension = ({ suspendedAt }: AllocStatus) => (suspendedAt === undefined ? {} : { suspendedAt });

function processOf({ supervision, address }: Facts) {
  if (!supervision) return {};
  const { pid, startedAtMs, ports } = supervision;
  return {
    address,
    ports: ports.map(({ name, port }) => ({ name, port })),
    ...(pid === undefined ? {} : { pid }),
    ...(startedAtMs === undefined ? {} : { startedAt: timestamp(startedAtMs) }),
  };
}

function notHealthy({ health, supervision, lastedMs }: Facts): { reason?: AllocReason; message?: string } {
  const message = supervision?.healthMessage;
  if (health === 'unhealthy')
    return { reason: 'Unhealthy', message: cut(message ?? 'its health check does not pass') };
  return lastedMs >= NOT_HEALTHY_AFTER_MS && message !== undefined
    ? { message: cut(`not healthy yet: ${message}`) }
    : {};
}

function over(
  alloc: Alloc,
  { supervision }: Facts,
  nowMs: number,
  phase: 'stopped' | 'failed',
  reason: AllocReason,
  message: string,
): AllocStatus {
  const { exit: { exitCode, signal } = {}, startedAtMs } = supervision ?? {};
  return {
    ...base(alloc),
    ...(startedAtMs === undefined ? {} : { startedAt: timestamp(startedAtMs) }),
    phase,
    reason,
    message: cut(message),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(signal === undefined ? {} : { signal }),
    finishedAt: timestamp(nowMs),
  };
}

/** It ended though it was wanted running. */
function ended(alloc: Alloc, facts: Facts, nowMs: number): AllocStatus {
  const fail = (reason: AllocReason, message: string) => over(alloc, facts, nowMs, 'failed', reason, message);
  const { supervision, owner } = facts;
  if (!supervision) return fail('AgentLost', 'its process is gone, and with it how it ended');
  if (supervision.purpose === 'fenced')
    return fail('AgentLost', 'its agent reached no server, and killed it to let go of its volume');
  if (supervision.purpose === 'stopped') return fail('AgentLost', 'its agent was stopped, and stopped it');
  if (supervision.startError !== undefined) return fail('StartFailed', supervision.startError);
  const { exitCode, signal } = supervision.exit ?? {};
  const isDone = exitCode === 0 && owner === 'Task';
  if (isDone) return over(alloc, facts, nowMs, 'stopped', 'Completed', 'it ran to its end');
  if (supervision.isAdopted && signal === undefined && exitCode === undefined)
    return fail('AgentLost', 'its process ended while no agent watched it');
  if (signal !== undefined) return fail('Killed', `its process was ended by ${signal}`);
  if (exitCode === 0) return fail('Completed', 'its process exited with 0, and a service goes on for ever');
  return fail('ExitedNonZero', `its process exited with ${exitCode ?? 'an unknown code'}`);
}

const cut = (text: string): string => text.slice(0, MAX_MESSAGE_LENGTH);
