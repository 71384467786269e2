/** What a drain would do with a node, worked out on paper: the drain's feasibility check, and its dry run. */
import type { DrainPlan, PlannedService, PlannedVolume } from '../../api/drain-plan.ts';
import { type Alloc, isTerminal } from '../../api/kinds/alloc.ts';
import type { Node } from '../../api/kinds/node.ts';
import type { Service } from '../../api/kinds/service.ts';
import { volumesOf } from '../../api/kinds/template.ts';
import type { Reader } from '../../api/store.ts';
import { isPlaced, place } from './place.ts';
import { reasonLines } from './reasons.ts';
import { Reservations } from './reservations.ts';

/** Places every active service alloc of the node elsewhere, one after the other, each taking the room it needs. */
export function planDrain(node: Node, reader: Reader): DrainPlan {
  const { name } = node.metadata;
  const staying = reader
    .byIndex('Alloc', 'node', name)
    .filter((alloc) => !isTerminal(alloc) && alloc.spec.desired !== 'stopped');
  const reserved = new Reservations();
  return {
    kind: 'DrainPlan',
    node: name,
    volumes: reader
      .byIndex('Volume', 'node', name)
      .map((volume) => planVolume(volume.metadata.name, staying)),
    services: staying.flatMap((alloc) => planService(alloc, reader, reserved)),
    tasks: staying
      .filter((alloc) => alloc.spec.owner.kind === 'Task')
      .map((alloc) => ({ task: alloc.spec.owner.name, alloc: alloc.metadata.name })),
  };
}

/** A volume goes with the service that uses it; a task is stopped, and its volume detached then. */
function planVolume(volume: string, staying: readonly Alloc[]): PlannedVolume {
  const isUsed = staying.some(
    ({ spec }) => spec.owner.kind === 'Service' && volumesOf(spec.template).includes(volume),
  );
  return { volume, action: isUsed ? 'handOn' : 'detach' };
}

function planService(alloc: Alloc, reader: Reader, reserved: Reservations): PlannedService[] {
  const service = serviceOf(alloc, reader);
  // A service that is going takes its allocs along: they need no other place.
  if (!service) return [];
  const { template, placement } = service.spec;
  const ownerUid = service.metadata.uid;
  const strategy = mountsVolumes(alloc, service) ? 'stop-first' : 'start-first';
  const planned = { service: service.metadata.name, alloc: alloc.metadata.name, strategy } as const;
  const target = replacementOf(alloc, reader)?.spec.node;
  if (target !== undefined) return [{ ...planned, target }];
  const found = place(
    { ownerUid, template, placement, exclude: new Set([alloc.spec.node]) },
    reader,
    reserved,
  );
  if (!isPlaced(found)) return [{ ...planned, reasons: reasonLines(found.reasons) }];
  reserved.add(found.node, ownerUid, template);
  return [{ ...planned, target: found.node }];
}

/** The alloc's service, unless it is gone, is going, or is another one of the same name. */
function serviceOf(alloc: Alloc, reader: Reader): Service | undefined {
  const service = reader.get('Service', alloc.spec.owner.name);
  const isOwner = alloc.spec.owner.kind === 'Service' && service?.metadata.uid === alloc.spec.owner.uid;
  return isOwner && !service?.metadata.deletionTimestamp ? service : undefined;
}

const mountsVolumes = (alloc: Alloc, service: Service): boolean =>
  volumesOf(alloc.spec.template).length + volumesOf(service.spec.template).length > 0;

/** A migration that is under way has its place already. */
const replacementOf = (alloc: Alloc, reader: Reader): Alloc | undefined =>
  reader
    .byIndex('Alloc', 'replaces', alloc.metadata.name)
    .find(
      (each) => !isTerminal(each) && each.spec.desired !== 'stopped' && each.spec.node !== alloc.spec.node,
    );
