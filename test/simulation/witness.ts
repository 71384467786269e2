/** Looks at the objects and at the world after every event, and says when they break what mill promises. */
import { isTerminal } from '../../api/kinds/alloc.ts';
import type { Peer } from '../../api/kinds/peer.ts';
import type { Volume } from '../../api/kinds/volume.ts';
import type { Actor, Change, Reader } from '../../api/store.ts';
import type { VolumeRef } from '../../runtime/drivers/volume.ts';
import type { MeshConfiguration } from '../../runtime/mesh/mesh.ts';
import { checkCommit } from './commits.ts';
import type { Machine, RealProcess } from './machine.ts';
import { checkPunctuality } from './punctuality.ts';
import { summary } from './summary.ts';
import { Traffic } from './traffic.ts';
import type { Complain, World } from './world.ts';

export interface Violation {
  /** A word for the promise that was broken: a shrunk history must break the same. */
  readonly invariant: string;
  readonly message: string;
  readonly atMs: number;
}

export class Witness {
  violation: Violation | undefined;
  /** The objects as they were shown last. */
  state: Reader | undefined;
  /** Commits of objects that are kept, since the beginning. */
  commits = 0;
  readonly traffic: Traffic;
  readonly #world: World;
  readonly #peersSince = new Map<string, number>();
  /** Volumes, by their uids, that began to be detached from a node that was down. Its agent may come back meanwhile: it can write nothing. */
  readonly #detachedByForce = new Set<string>();
  #isNews = false;

  constructor(world: World) {
    this.#world = world;
    this.traffic = new Traffic(world, this.violated);
  }

  /** The first one counts: what comes after may follow from it. */
  readonly violated: Complain = (invariant, message) => {
    const { timeline, chronicle } = this.#world;
    if (this.violation) return;
    this.violation = { invariant, message, atMs: timeline.elapsedMs };
    chronicle.note('world', `VIOLATED ${invariant}: ${message}`);
  };

  /** Every change of the store, once, in order. */
  changed(change: Change, actor: Actor | undefined, state: Reader): void {
    this.state = state;
    this.#isNews = true;
    const { kind } = change.object;
    if (kind !== 'Lease' && kind !== 'Event') {
      this.commits += 1;
      this.#world.chronicle.note('store', summary(change));
    }
    checkCommit(change, actor, state, this.#world, this.violated);
    checkPunctuality(change, state, this.#world, this.violated);
    this.traffic.changed(change, state);
    if (change.object.kind === 'Peer') this.#peerChanged(change.type, change.object);
    if (change.object.kind === 'Volume') this.#volumeChanged(change.object, state);
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
    this.#isNews = true;
  }

  /** SIGTERM, or SIGKILL at once. */
  signalled(machine: Machine, process: RealProcess, graceMs: number): void {
    const { state } = this;
    const { chronicle, agents } = this.#world;
    chronicle.note('world', `${machine.name} stops ${process.alloc} pid ${process.pid} grace ${graceMs}`);
    const alloc = state?.get('Alloc', process.alloc);
    // Neither waits for anybody: a writer that has to be fenced, and what an agent takes with it when it ends.
    const isFencing = graceMs === 0 || agents.some((agent) => agent.machine === machine && agent.isEnding);
    const isRemoved = state?.get('Credential', machine.name)?.spec.revoked !== false;
    if (!state || !alloc || isTerminal(alloc) || isFencing || isRemoved || alloc.spec.owner.kind === 'Task')
      return;
    const gateway = this.traffic.userOf(alloc, state);
    if (gateway)
      this.violated('request', `${process.alloc} is stopped while gateway ${gateway.name} sends it requests`);
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
    const isLost = object?.status.phase === 'down' || this.#detachedByForce.has(uid);
    if (machine?.mounts.has(uid) && object && !isLost)
      this.violated('mounted', `volume ${name} is detached from ${node}, which has it mounted`);
    // What is left of a mount is of no device any more.
    machine?.mounts.delete(uid);
  }

  #volumeChanged({ metadata: { uid }, status }: Volume, state: Reader): void {
    if (status.phase !== 'detaching') this.#detachedByForce.delete(uid);
    else if (state.get('Node', status.node ?? '')?.status.phase === 'down') this.#detachedByForce.add(uid);
  }

  /**
   * A mesh is about to be changed. Of a peer that it never had, it may be told late.
   * @param sinceMs since when the agent runs: what was a peer all the time since then is one
   */
  meshApplies(machine: Machine, { peers }: MeshConfiguration, sinceMs: number): void {
    const stays = new Set(peers.map(({ node }) => node));
    for (const { node } of machine.mesh?.peers ?? []) {
      const atMs = this.#peersSince.get(node);
      if (atMs !== undefined && atMs < sinceMs && !stays.has(node))
        this.violated('mesh', `${machine.name} dropped its peer ${node}, which is there`);
    }
  }

  gatewayApplied(): void {
    this.#isNews = true;
  }

  /** After each event. */
  look(): void {
    if (!this.#isNews || !this.state) return;
    this.#isNews = false;
    this.traffic.look(this.state);
  }

  #peerChanged(type: Change['type'], { spec }: Peer): void {
    const isUsable = type !== 'deleted' && !spec.withdrawn && spec.allowedIPs.length > 0;
    if (!isUsable) this.#peersSince.delete(spec.node);
    else if (!this.#peersSince.has(spec.node)) this.#peersSince.set(spec.node, this.#world.timeline.nowMs);
  }
}
