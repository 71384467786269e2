/** Stands in for all agents and gateways of a world: allocs start, stop and suspend at once, acknowledged. */

import { timestamp } from '../../api/clock.ts';
import { isApiError } from '../../api/errors.ts';
import { type Alloc, isTerminal } from '../../api/kinds/alloc.ts';
import type { World } from './world.ts';

/** How an alloc that is to run fares. `waiting`: it stays as it is. */
export type Fate = 'healthy' | 'failed' | 'completed' | 'waiting';

export interface Agents {
  /** Decides from now on how allocs fare; all are healthy until then. */
  fate: (alloc: Alloc) => Fate;
  /** Ends an alloc as its agent would when its process fails. */
  crash(name: string): Promise<void>;
  /** What an agent or the gateways report about an alloc. */
  report(name: string, status: Partial<Alloc['status']>): Promise<void>;
}

/** Plays until the world is closed. Allocs of nodes that are down stay as they are. */
export async function playAgents(world: World, initial: Agents['fate'] = () => 'healthy'): Promise<Agents> {
  const now = () => timestamp(world.clock.now());
  const write = async (name: string, status: object) => {
    try {
      await world.client.patch('Alloc', name, { status }, { subresource: 'status' });
    } catch (error) {
      // It ended meanwhile, or is gone.
      if (!isApiError(error, 'Invalid') && !isApiError(error, 'NotFound')) throw error;
    }
  };
  const report = async (name: string, status: object) => {
    await write(name, status);
    await world.settle();
  };
  const agents: Agents = {
    fate: initial,
    report,
    crash: (name) =>
      report(name, { phase: 'failed', reason: 'ExitedNonZero', exitCode: 1, finishedAt: now() }),
  };
  const follow = (name: string) => {
    const alloc = world.find('Alloc', name);
    const node = alloc && world.find('Node', alloc.spec.node);
    if (!alloc || isTerminal(alloc) || node?.status.phase === 'down') return;
    const status = nextStatus(alloc, agents.fate(alloc), now());
    if (status) void write(name, { ...status, observedGeneration: alloc.metadata.generation });
  };
  world.store.subscribe({ kinds: ['Alloc'] }, ({ object }) =>
    queueMicrotask(() => follow(object.metadata.name)),
  );
  for (const alloc of world.list('Alloc')) follow(alloc.metadata.name);
  await world.settle();
  return agents;
}

function nextStatus(alloc: Alloc, fate: Fate, now: string): object | undefined {
  const { desired, owner } = alloc.spec;
  const { phase } = alloc.status;
  const route = (wanted: 'routed' | 'unrouted') => (owner.kind === 'Service' ? { route: wanted } : {});
  if (desired === 'stopped')
    return { phase: 'stopped', reason: 'Stopped', finishedAt: now, ...route('unrouted') };
  if (desired === 'suspended') {
    const isSeen = alloc.status.observedGeneration === alloc.metadata.generation;
    return phase === 'suspended' && isSeen
      ? undefined
      : { phase: 'suspended', suspendedAt: now, ...route('unrouted') };
  }
  if (phase !== 'pending' && phase !== 'suspended') return undefined;
  const startedAt = alloc.status.startedAt ?? now;
  switch (fate) {
    case 'waiting':
      return undefined;
    case 'healthy':
      return { phase: 'healthy', startedAt, healthyAt: now, ...route('routed') };
    case 'failed':
      return {
        phase: 'failed',
        reason: 'ExitedNonZero',
        message: 'exited with 1',
        exitCode: 1,
        startedAt,
        finishedAt: now,
      };
    case 'completed':
      return { phase: 'stopped', reason: 'Completed', exitCode: 0, startedAt, finishedAt: now };
  }
}
