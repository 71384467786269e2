/** Plays the volume controller, and agents that start an alloc with a volume when that is attached to its node. */
import { isApiError } from '../../../../api/errors.ts';
import { type Alloc, isTerminal } from '../../../../api/kinds/alloc.ts';
import { volumesOf } from '../../../../api/kinds/template.ts';
import type { Agents } from '../../../vocabulary/agents.ts';
import type { World } from '../../../vocabulary/world.ts';

export interface Volumes {
  attachTakesMs: number;
  /** Agents say of an alloc that waits for its volume that all else is prepared. */
  isPreparing: boolean;
  /** A node that volumes do not attach to. */
  brokenOn: string | undefined;
}

export async function playVolumes(world: World, agents: Agents): Promise<Volumes> {
  const volumes: Volumes = { attachTakesMs: 0, isPreparing: true, brokenOn: undefined };
  const start = agents.fate;
  const isHere = (alloc: Alloc) =>
    volumesOf(alloc.spec.template).every((name) => {
      const { spec, status } = world.get('Volume', name);
      return status.phase === 'attached' && status.node === alloc.spec.node && spec.node === alloc.spec.node;
    });
  let fate: Agents['fate'] = start;
  Object.defineProperty(agents, 'fate', {
    get: () => (alloc: Alloc) => (isHere(alloc) ? fate(alloc) : 'waiting'),
    set: (next: Agents['fate']) => {
      fate = next;
    },
  });
  const quietly = async (write: Promise<unknown>) => {
    try {
      await write;
    } catch (error) {
      if (!isApiError(error)) throw error;
    }
  };
  const report = (name: string, status: object) =>
    quietly(world.client.patch('Volume', name, { status }, { subresource: 'status' }));
  const move = async (name: string) => {
    const { spec, status } = world.get('Volume', name);
    if (spec.node === status.node && status.phase === 'attached') return wake(name);
    if (status.node !== undefined && status.node !== spec.node)
      return report(name, { phase: 'ready', node: null });
    if (spec.node === undefined) return;
    if (spec.node === volumes.brokenOn) {
      if (status.phase !== 'failed') await report(name, { phase: 'failed', message: 'it does not attach' });
      return;
    }
    if (volumes.attachTakesMs > 0 && status.phase !== 'attaching') {
      await report(name, { phase: 'attaching', node: spec.node });
      world.clock.schedule(volumes.attachTakesMs, () => void attach(name));
    } else if (status.phase !== 'attaching') await attach(name);
  };
  const attach = (name: string) => {
    const { spec, status } = world.get('Volume', name);
    if (status.node !== undefined && status.node !== spec.node) return move(name);
    return report(name, { phase: 'attached', node: spec.node, message: null });
  };
  /** What waited for the volume is looked at again, as its agent would. */
  const wake = async (name: string) => {
    for (const alloc of world.store.state.byIndex('Alloc', 'volume', name)) {
      const { phase, reason } = alloc.status;
      if (phase !== 'pending' || reason === undefined || isTerminal(alloc) || !isHere(alloc)) continue;
      await quietly(patchAlloc(alloc, { reason: null, message: 'mounted' }));
    }
  };
  const patchAlloc = (alloc: Alloc, status: object) =>
    world.client.patch('Alloc', alloc.metadata.name, { status }, { subresource: 'status' });
  const prepare = (alloc: Alloc) => {
    const { phase, reason, message } = alloc.status;
    if (phase !== 'pending' || reason !== undefined || message !== undefined || isHere(alloc)) return;
    if (volumes.isPreparing) void quietly(patchAlloc(alloc, { reason: 'WaitingForVolume' }));
  };
  world.store.subscribe({ kinds: ['Volume', 'Alloc'] }, ({ object }) =>
    queueMicrotask(() => {
      if (object.kind === 'Volume') void move(object.metadata.name);
      if (object.kind !== 'Alloc') return;
      const alloc = world.find('Alloc', object.metadata.name);
      if (!alloc || volumesOf(alloc.spec.template).length === 0) return;
      prepare(alloc);
    }),
  );
  return volumes;
}
