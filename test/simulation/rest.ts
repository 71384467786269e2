/** Whether a cluster has come to rest: everything wanted is so, in the objects and in the world, and nothing is left over. */
import { type Alloc, isTerminal } from '../../api/kinds/alloc.ts';
import { isFinished, type Migration } from '../../api/kinds/migration.ts';
import { isSchedulable, type Node } from '../../api/kinds/node.ts';
import type { Service } from '../../api/kinds/service.ts';
import type { Volume } from '../../api/kinds/volume.ts';
import type { Reader } from '../../api/store.ts';
import { isServing } from '../../controllers/service/slots.ts';
import type { SimulatedAgent } from './agents.ts';
import type { Cluster } from './cluster.ts';

/** What is still to be done, or left over; undefined: nothing. */
export function whyNotAtRest(cluster: Cluster): string | undefined {
  const { state, fleet, embedded } = cluster;
  if (!state) return 'there is no server';
  const queued = embedded?.controlPlane.queued() ?? 0;
  if (queued > 0) return `${queued} keys are queued`;
  return (
    first(state.list('Migration'), (migration) => migrationUnrest(migration, state)) ??
    first(state.list('Endpoints'), ({ metadata: { name } }) =>
      state.get('Service', name) ? undefined : `the endpoints of ${name} are left over`,
    ) ??
    first(state.list('Peer'), ({ metadata: { name } }) =>
      state.get('Node', name) ? undefined : `the peer of ${name} is left over`,
    ) ??
    first(state.list('Node'), (node) => nodeUnrest(node, isLost(cluster, node.metadata.name, state))) ??
    first(state.list('Service'), (service) => serviceUnrest(service, state)) ??
    first(state.list('Task'), ({ metadata, status }) =>
      status.phase === 'running' ? `task ${metadata.name} runs` : undefined,
    ) ??
    first(state.list('Alloc'), (alloc) => allocUnrest(alloc, cluster)) ??
    first(state.list('Volume'), (volume) => volumeUnrest(volume, cluster, state)) ??
    first(cluster.cloud.attached.keys(), (uid) =>
      state.list('Volume').some(({ metadata }) => metadata.uid === uid)
        ? undefined
        : `the volume ${uid} was deleted, and is left over in the cloud`,
    ) ??
    first(cluster.agents, (agent) => machineUnrest(agent, state)) ??
    first(cluster.gateways, ({ name, dataPlane, isLost }) => {
      if (isLost) return undefined;
      const wanted = state
        .list('Endpoints')
        .flatMap(({ spec }) => spec.allocs)
        .sort()
        .join();
      const routed = [...dataPlane.routed()].sort().join();
      return routed === wanted ? undefined : `gateway ${name} routes to ${routed}, not to ${wanted}`;
    }) ??
    // Last: whole copies are compared.
    fleet?.whyNotAtRest()
  );
}

function first<T>(things: Iterable<T>, complaint: (thing: T) => string | undefined): string | undefined {
  for (const thing of things) {
    const why = complaint(thing);
    if (why !== undefined) return why;
  }
  return undefined;
}

function migrationUnrest(migration: Migration, state: Reader): string | undefined {
  const {
    metadata: { name },
    spec,
    status,
  } = migration;
  if (!isFinished(migration)) return `migration ${name} is ${status.phase}`;
  // It is kept for as long as somebody reads it: the drain that reports it, or the update that it stopped.
  const isRead =
    spec.reason === 'drain' ? state.get('Node', spec.node)?.spec.drain : state.get('Service', spec.service);
  return isRead ? undefined : `migration ${name} (${status.phase}) is left over`;
}

/** Its agent is gone for good, never joined, or was told to go; the node is there because somebody applied its manifest. */
const isLost = ({ agents }: Cluster, node: string, state: Reader): boolean =>
  agents.some((agent) => {
    const { machine, token } = agent;
    return machine.name === node && (agent.isLost || token === '' || isExpelled(agent, state));
  });

/** What it was removed with holds. Without that, an agent has no reason to leave. */
const isExpelled = ({ machine, hasLeft }: SimulatedAgent, state: Reader): boolean =>
  hasLeft && state.get('Credential', machine.name)?.spec.revoked !== false;

function nodeUnrest({ metadata: { name }, spec, status }: Node, lost: boolean): string | undefined {
  if ((status.phase === 'down') !== lost) return `node ${name} is ${status.phase}`;
  if (spec.removed) return `node ${name} is being removed`;
  const { drain } = status;
  if (!spec.drain) return drain ? `node ${name} has not been undrained` : undefined;
  const hasEnded = drain && (drain.step === 'drained' || drain.step === 'failed') && drain.finishedAt;
  return hasEnded ? undefined : `the drain of ${name} is ${drain?.step}`;
}

function serviceUnrest(service: Service, state: Reader): string | undefined {
  const { name, uid, deletionTimestamp } = service.metadata;
  if (deletionTimestamp) return `service ${name} is being deleted`;
  const active = state.byIndex('Alloc', 'owner', uid).filter((alloc) => !isTerminal(alloc));
  const serving = active.filter((alloc) => isServing(alloc) || isStranded(alloc, state));
  if (!state.list('Node').some(isSchedulable)) return undefined;
  const { replicas } = service.spec;
  if (active.length !== replicas) return `service ${name} has ${active.length} allocs of ${replicas}`;
  if (serving.length !== replicas)
    return `service ${name} serves with ${serving.length} allocs of ${replicas}`;
  const ready = active.filter(isServing).length;
  return service.status.ready === ready ? undefined : `service ${name} reports ${service.status.ready} ready`;
}

function volumeUnrest({ metadata, status }: Volume, { cloud }: Cluster, state: Reader): string | undefined {
  const { name, uid } = metadata;
  const real = cloud.attached.get(uid);
  const isAwaited = state
    .byIndex('Alloc', 'volume', name)
    .some((alloc) => alloc.spec.node === status.node && !isTerminal(alloc) && isStranded(alloc, state));
  // On its way to a node that drains, where somebody waits for it: it arrives when that node is undrained.
  if (status.phase === 'attaching' && real === undefined && isAwaited) return undefined;
  if (status.phase !== 'attached' && status.phase !== 'ready') return `volume ${name} is ${status.phase}`;
  return real === status.node ? undefined : `volume ${name} is at ${real}, and said to be at ${status.node}`;
}

/** It waits for a volume on a node that is drained, and can be moved nowhere: the drain has failed, and says so. */
const isStranded = ({ spec, status }: Pick<Alloc, 'spec' | 'status'>, state: Reader): boolean =>
  status.reason === 'WaitingForVolume' && state.get('Node', spec.node)?.spec.drain === true;

function allocUnrest({ metadata: { name }, spec, status }: Alloc, cluster: Cluster): string | undefined {
  if (!cluster.state?.get('Node', spec.node)) return `${name} of removed ${spec.node} is left over`;
  const machine = cluster.machines.get(spec.node);
  const isRunning = machine?.processes.get(name)?.isRunning === true;
  if (status.phase === 'stopped' || status.phase === 'failed')
    return isRunning ? `${name} is ${status.phase}, and runs on ${spec.node}` : undefined;
  if (spec.desired !== 'running') return `${name} is to be ${spec.desired} and is ${status.phase}`;
  if (cluster.state && isStranded({ spec, status }, cluster.state)) return undefined;
  return isRunning ? undefined : `${name} is ${status.phase}, and does not run on ${spec.node}`;
}

function machineUnrest(agent: SimulatedAgent, state: Reader): string | undefined {
  const { machine, hasLeft, token } = agent;
  // Without a token it never came.
  if (agent.isLost || token === '') return undefined;
  const { name } = machine;
  const node = state.get('Node', name);
  const stray = machine.running().find(({ alloc }) => {
    const object = state.get('Alloc', alloc);
    return !object || isTerminal(object) || object.spec.node !== name;
  });
  if (stray) return `${stray.alloc} runs on ${name}, and should not`;
  if (!node || isExpelled(agent, state)) {
    if (!hasLeft) return `the agent of removed ${name} is still there`;
    return machine.mesh ? `removed ${name} is still in its mesh` : undefined;
  }
  const mounted = [...machine.mounts].find(
    (uid) =>
      !state.list('Volume').some(({ metadata, status }) => metadata.uid === uid && status.node === name),
  );
  if (mounted) return `${mounted} is still mounted on ${name}`;
  const wanted = state.list('Peer').filter(({ spec }) => spec.node !== name && !spec.withdrawn);
  const peers = wanted
    .map(({ spec }) => spec.node)
    .sort()
    .join();
  const real = (machine.mesh?.peers ?? [])
    .map((peer) => peer.node)
    .sort()
    .join();
  return peers === real ? undefined : `${name} has the peers ${real}, not ${peers}`;
}
