/** What must hold of volumes (invariant 3). */
import type { VolumePhase } from '../kinds/volume.ts';
import { problemOf, stateCheck } from './check.ts';

export const attachedToNodes = stateCheck('A volume is attached to a node that exists.', function* (state) {
  for (const volume of state.list('Volume')) {
    const { node } = volume.status;
    if (node === undefined || state.get('Node', node)) continue;
    yield problemOf(volume, 'status.node', `node ${node} does not exist`);
  }
});

/** Phases in which a volume is at a node, or may be; one that failed may be anywhere. */
const AT_A_NODE: ReadonlySet<VolumePhase> = new Set(['attaching', 'attached', 'detaching']);
const NOWHERE: ReadonlySet<VolumePhase> = new Set(['pending', 'ready']);

export const attachedWhereItSays = stateCheck(
  'A volume that is attached or mounted says where; one that is ready is nowhere.',
  function* (state) {
    for (const volume of state.list('Volume')) {
      const { phase, node, mounted } = volume.status;
      if (node === undefined && AT_A_NODE.has(phase)) {
        yield problemOf(volume, 'status.node', `it is ${phase}, and at no node`);
      }
      if (node === undefined && mounted) {
        yield problemOf(volume, 'status.mounted', 'it is mounted, and at no node');
      }
      if (node !== undefined && NOWHERE.has(phase)) {
        yield problemOf(volume, 'status.phase', `it is ${phase}, and at node ${node}`);
      }
    }
  },
);

export const sharedByNone = stateCheck(
  'A service with a volume has one replica, and shares the volume with no other service.',
  function* (state) {
    const services = new Map<string, string>();
    for (const service of state.list('Service')) {
      const { replicas, template } = service.spec;
      for (const [index, { volume }] of (template.volumes ?? []).entries()) {
        const path = `spec.template.volumes[${index}].volume`;
        const other = services.get(volume);
        if (other) yield problemOf(service, path, `volume ${volume} belongs to service ${other}`);
        else services.set(volume, service.metadata.name);
        if (replicas > 1)
          yield problemOf(service, 'spec.replicas', `volume ${volume} has a single writer (got ${replicas})`);
      }
    }
  },
);
