/** Looks at the objects and at the world after every event, and says when they break what mill promises. */
import { NODE_GROUP } from '../../api/groups.ts';
import { type Alloc, isTerminal, wantedRoute } from '../../api/kinds/alloc.ts';
import { leaseExpiryMs } from '../../api/kinds/lease.ts';
import { isFinished, type Migration } from '../../api/kinds/migration.ts';
import { type Node, whyUnschedulable } from '../../api/kinds/node.ts';
import type { Peer } from '../../api/kinds/peer.ts';

import { sameJson } from '../../api/same-json.ts';
import { gatewayLeaseName } from '../../api/server/authz.ts';
import type { Actor, Change, Reader } from '../../api/store.ts';
import type { VolumeRef } from '../../runtime/drivers/volume.ts';
import type { MeshConfiguration } from '../../runtime/mesh/mesh.ts';
import type { Chronicle } from './chronicle.ts';
import type { SimulatedGateway } from './gateways.ts';
import type { Machine, RealProcess } from './machine.ts';
import { summary } from './summary.ts';
import type { Timeline } from './timeline.ts';
import type { Cloud } from './volumes.ts';

export interface Violation {
  /** A word for the promise that was broken: a shrunk history must break the same. */
  readonly invariant: string;
  readonly message: string;
  readonly atMs: number;
}

/** What there is to look at. */
export interface World {
  readonly timeline: Timeline;
  readonly chronicle: Chronicle;
  readonly machines: ReadonlyMap<string, Machine>;
  readonly gateways: readonly SimulatedGateway[];
  readonly cloud: Cloud;
}

export class Witness {
  violation: Violation | undefined;
  /** The objects as they were shown last. */
  state: Reader | undefined;
  /** Commits of objects that are kept, since the beginning. */
  commits = 0;
  readonly #world: World;
  readonly #peersSince = new Map<string, number>();
  /** Alloc → gateways that were not heard of when it was acknowledged as unrouted: nobody could wait for them. */
  readonly #excused = new Map<string, ReadonlySet<unknown>>();
  #isRouteNews = false;

  constructor(world: World) {
    this.#world = world;
  }

  violated(invariant: string, message: string): void {
    const { timeline, chronicle } = this.#world;
    if (this.violation) return;
    this.violation = { invariant, message, atMs: timeline.elapsedMs };
    chronicle.note('world', `VIOLATED ${invariant}: ${message}`);
  }

  /** Every change of the store, once, in order. */
  changed(change: Change, actor: Actor | undefined, state: Reader): void {
    this.state = state;
    this.#isRouteNews = true;
    const { object } = change;
    const old = change.type === 'modified' ? change.old : undefined;
    if (actor?.groups.includes(NODE_GROUP)) this.#agentWrote(change, actor, state);
    if (object.kind !== 'Lease' && object.kind !== 'Event') {
      this.commits += 1;
      this.#world.chronicle.note('store', summary(change));
    }
    switch (object.kind) {
      case 'Alloc':
        this.#allocChanged(change.type, object, old?.kind === 'Alloc' ? old : undefined, actor, state);
        break;
      case 'Node':
        this.#nodeChanged(change.type, object, old?.kind === 'Node' ? old : undefined, state);
        break;
      case 'Migration':
        if (change.type === 'added') this.#migrationCreated(object, state);
        break;
      case 'Peer':
        this.#peerChanged(change.type, object);
        break;
      case 'Volume': {
        const from = old?.kind === 'Volume' ? old.status.node : undefined;
        const to = object.status.node;
        if (from !== undefined && to !== undefined && from !== to)
          this.violated('one-node', `volume ${object.metadata.name} went from ${from} to ${to} in one step`);
        break;
      }
    }
  }

  started(machine: Machine, process: RealProcess, before: RealProcess | undefined): void {
    const { chronicle, machines, cloud } = this.#world;
    chronicle.note('world', `${machine.name} started ${process.alloc} pid ${process.pid}`);
    if (before?.isRunning) this.violated('one-process', `two processes of alloc ${process.alloc} run`);
    for (const uid of process.volumes) {
      if (cloud.attached.get(uid) !== machine.name || !machine.mounts.has(uid))
        this.violated('writer', `${process.alloc} writes to ${uid}, which is not mounted on ${machine.name}`);
      for (const other of [...machines.values()].flatMap((each) => each.running()))
        if (other !== process && other.volumes.includes(uid))
          this.violated('one-writer', `${process.alloc} and ${other.alloc} write to volume ${uid} at once`);
    }
  }

  exited(machine: Machine, process: RealProcess): void {
    const how = process.exit?.signal ?? process.exit?.exitCode;
    this.#world.chronicle.note('world', `${machine.name} ended ${process.alloc} pid ${process.pid} (${how})`);
  }

  /** SIGTERM, or SIGKILL at once. */
  signalled(machine: Machine, process: RealProcess, graceMs: number): void {
    const { chronicle } = this.#world;
    chronicle.note('world', `${machine.name} stops ${process.alloc} pid ${process.pid} grace ${graceMs}`);
    const alloc = this.state?.get('Alloc', process.alloc);
    const isFencing = graceMs === 0;
    const isRemoved = this.state?.get('Credential', machine.name)?.spec.revoked !== false;
    if (!alloc || isTerminal(alloc) || isFencing || isRemoved || alloc.spec.owner.kind === 'Task') return;
    const using = this.#userOf(process.alloc, this.#liveGateways());
    if (using)
      this.violated('request', `${process.alloc} is stopped while gateway ${using.name} sends it requests`);
  }

  attached({ name }: VolumeRef, node: string): void {
    this.#world.chronicle.note('world', `volume ${name} attached to ${node}`);
    const object = this.state?.get('Node', node);
    if (!object || object.spec.removed) this.violated('attach', `volume ${name} attached to removed ${node}`);
  }

  detached({ name, uid }: VolumeRef, node: string): void {
    const { chronicle, machines } = this.#world;
    chronicle.note('world', `volume ${name} detached from ${node}`);
    const machine = machines.get(node);
    const writer = machine?.running().find(({ volumes }) => volumes.includes(uid));
    if (writer) this.violated('writer', `volume ${name} is pulled from under ${writer.alloc} on ${node}`);
    const object = this.state?.get('Node', node);
    if (machine?.mounts.has(uid) && object && object.status.phase !== 'down')
      this.violated('mounted', `volume ${name} is detached from ${node}, which has it mounted`);
    // What is left of a mount is of no device any more.
    machine?.mounts.delete(uid);
  }

  /** @param sinceMs since when the agent runs: what was a peer all the time since then belongs in its list */
  meshApplied(machine: Machine, { peers }: MeshConfiguration, sinceMs: number): void {
    const has = new Set(peers.map(({ node }) => node));
    for (const [node, atMs] of this.#peersSince) {
      if (node !== machine.name && atMs < sinceMs && !has.has(node))
        this.violated('mesh', `${machine.name} dropped its peer ${node}, which is there`);
    }
  }

  gatewayApplied(): void {
    this.#isRouteNews = true;
  }

  /** After each event: nobody sends anything to what every gateway is said to have left. */
  look(): void {
    if (!this.#isRouteNews || !this.state) return;
    this.#isRouteNews = false;
    const live = this.#liveGateways();
    for (const alloc of this.state.list('Alloc')) {
      if (alloc.status.route !== 'unrouted' || wantedRoute(alloc) !== 'unrouted') continue;
      const { name } = alloc.metadata;
      const using = this.#userOf(name, live);
      if (using) this.violated('route', `${name} counts as unrouted, and gateway ${using.name} sends to it`);
    }
  }

  #userOf(alloc: string, live: readonly SimulatedGateway[]): SimulatedGateway | undefined {
    const excused = this.#excused.get(alloc);
    return live.find(({ process, dataPlane }) => dataPlane.isUsing(alloc) && !excused?.has(process));
  }

  /** Those whose word is waited for; one that is cut off serves nobody any more that could tell. */
  #liveGateways(): SimulatedGateway[] {
    return this.#world.gateways.filter(({ name, process, link }) => {
      const lease = this.state?.get('Lease', gatewayLeaseName(name));
      const isFresh = lease !== undefined && leaseExpiryMs(lease) > this.#world.timeline.nowMs;
      return process?.isAlive && !link.isCut && isFresh;
    });
  }

  #agentWrote({ object }: Change, { user, nodeUid }: Actor, state: Reader): void {
    const node = user.slice('system:node:'.length);
    const credential = state.get('Credential', node);
    if (!credential || credential.spec.revoked || credential.spec.nodeUid !== nodeUid)
      this.violated(
        'credential',
        `the agent of removed ${node} wrote ${object.kind} ${object.metadata.name}`,
      );
  }

  #allocChanged(
    type: Change['type'],
    alloc: Alloc,
    old: Alloc | undefined,
    actor: Actor | undefined,
    state: Reader,
  ): void {
    const { name } = alloc.metadata;
    if (type === 'added') {
      const node = state.get('Node', alloc.spec.node);
      const why = node ? whyUnschedulable(node) : 'is missing';
      if (why) this.violated('placement', `${name} was placed on ${alloc.spec.node}, which ${why}`);
      return;
    }
    if (type === 'deleted') {
      if (!isTerminal(alloc)) this.violated('deleted', `${name} was deleted while ${alloc.status.phase}`);
      return;
    }
    if (!old) return;
    if (isTerminal(old) && !sameJson(old.status, alloc.status))
      this.violated('terminal', `${name} was ${old.status.phase} and is ${alloc.status.phase}`);
    const { owner, node, template } = alloc.spec;
    if (
      !sameJson(
        { owner, node, template },
        { owner: old.spec.owner, node: old.spec.node, template: old.spec.template },
      )
    )
      this.violated('identity', `${name} is another alloc now`);
    if (alloc.status.route === 'unrouted' && old.status.route !== 'unrouted') {
      const live = new Set(this.#liveGateways());
      const lost = this.#world.gateways.filter((gateway) => !live.has(gateway));
      this.#excused.set(name, new Set(lost.map(({ process }) => process)));
    }
    if (alloc.spec.desired === 'stopped' && old.spec.desired !== 'stopped') this.#stopWanted(alloc, state);
    const isGoneNow = isTerminal(alloc) || alloc.status.phase === 'suspended';
    const wasThere = !isTerminal(old) && old.status.phase !== 'suspended';
    if (isGoneNow && wasThere && actor?.groups.includes(NODE_GROUP)) {
      const process = this.#world.machines.get(node)?.processes.get(name);
      if (process?.isRunning) this.violated('gone', `${name} is ${alloc.status.phase}, and its process runs`);
    }
  }

  #stopWanted(alloc: Alloc, state: Reader): void {
    const { name } = alloc.metadata;
    const { stopReason, owner } = alloc.spec;
    if (stopReason === 'NodeDrained' && owner.kind === 'Service')
      this.violated('migration', `${name} of service ${owner.name} was stopped instead of migrated`);
    if (stopReason !== 'Migrated') return;
    const isServed = state
      .byIndex('Alloc', 'replaces', name)
      .some(
        (each) =>
          each.status.phase === 'healthy' &&
          each.status.route === 'routed' &&
          each.spec.desired === 'running',
      );
    if (!isServed) this.violated('migration', `${name} was stopped before its replacement served`);
  }

  #nodeChanged(type: Change['type'], node: Node, old: Node | undefined, state: Reader): void {
    const { name } = node.metadata;
    const isLeaving = type === 'deleted' || (node.spec.removed && old?.spec.removed === false);
    if (!isLeaving) return;
    const active = state.byIndex('Alloc', 'node', name).find((alloc) => !isTerminal(alloc));
    if (active) this.violated('removal', `${name} is removed with active ${active.metadata.name}`);
    const machine = this.#world.machines.get(name);
    for (const [uid, at] of this.#world.cloud.attached)
      if (at === name) this.violated('removal', `${name} is removed with volume ${uid} attached`);
    for (const process of machine?.running() ?? []) {
      const alloc = state.get('Alloc', process.alloc);
      const wasLost = alloc?.status.reason === 'NodeDown' || alloc?.status.reason === 'AgentLost';
      if (alloc && !wasLost) this.violated('removal', `${name} is removed, and ${process.alloc} runs there`);
    }
  }

  #migrationCreated({ spec, metadata }: Migration, state: Reader): void {
    const service = state.get('Service', spec.service);
    const moving = state.byIndex('Migration', 'service', spec.service).filter((each) => !isFinished(each));
    if (service && moving.length > service.spec.migration.maxParallel)
      this.violated('budget', `migration ${metadata.name} is one too many for ${spec.service}`);
  }

  #peerChanged(type: Change['type'], { spec }: Peer): void {
    const isUsable = type !== 'deleted' && !spec.withdrawn && spec.allowedIPs.length > 0;
    if (!isUsable) this.#peersSince.delete(spec.node);
    else if (!this.#peersSince.has(spec.node)) this.#peersSince.set(spec.node, this.#world.timeline.nowMs);
  }
}
