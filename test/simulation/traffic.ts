/** Who sends requests to whom, and who must not any more. */
import { type Alloc, wantedRoute } from '../../api/kinds/alloc.ts';
import { gatewayLeaseName } from '../../api/server/authz.ts';
import type { Change, Reader } from '../../api/store.ts';
import { isServing } from '../../controllers/service/slots.ts';
import { saidExpiryMs } from '../vocabulary/lease-times.ts';
import type { SimulatedGateway } from './gateways.ts';
import type { RealProcess } from './machine.ts';
import type { Complain, World } from './world.ts';

/** A gateway that comes back from a partition may come while it is just being decided that it is lost. */
const RETURN_MS = 1_000;

export class Traffic {
  readonly #world: World;
  readonly #complain: Complain;
  /** Alloc → gateways that were not heard of when it was acknowledged as unrouted: nobody could wait for them. */
  readonly #excused = new Map<string, ReadonlySet<unknown>>();
  /** Services that had all their replicas. */
  readonly #complete = new Set<string>();

  constructor(world: World, complain: Complain) {
    this.#world = world;
    this.#complain = complain;
  }

  /** Takes note of whom an acknowledgement could not wait for. */
  changed({ type, object, ...change }: Change, state: Reader): void {
    if (object.kind !== 'Alloc' || object.status.route !== 'unrouted' || type !== 'modified') return;
    const old = 'old' in change ? change.old : undefined;
    if (old?.kind === 'Alloc' && old.status.route === 'unrouted') return;
    const live = new Set(this.#live(state));
    const lost = this.#world.gateways.filter((gateway) => !live.has(gateway));
    this.#excused.set(object.metadata.name, new Set(lost.map(({ process }) => process)));
  }

  /** Nobody sends anything to what every gateway is said to have left. */
  look(state: Reader): void {
    for (const alloc of state.list('Alloc')) {
      if (alloc.status.route !== 'unrouted' || wantedRoute(alloc) !== 'unrouted') continue;
      const gateway = this.userOf(alloc, state);
      if (gateway)
        this.#complain(
          'route',
          `${alloc.metadata.name} counts as unrouted, and gateway ${gateway.name} sends to it`,
        );
    }
    if (this.#world.calm) this.#lookAtCalm(this.#world.calm, state);
  }

  /** A gateway that still sends requests to the alloc, of those whose word was waited for. */
  userOf({ metadata: { name } }: Alloc, state: Reader): SimulatedGateway | undefined {
    const excused = this.#excused.get(name);
    return this.#live(state).find(
      ({ process, dataPlane }) => dataPlane.isUsing(name) && !excused?.has(process),
    );
  }

  /** A gateway has sent a request. @returns the process that is to answer it */
  sent(alloc: string): RealProcess | undefined {
    for (const machine of this.#world.machines.values()) {
      const process = machine.processes.get(alloc);
      if (process?.isRunning) return process;
    }
    return undefined;
  }

  /** Its time is over. Where nothing bad happens, everybody who asked gets an answer. */
  answered(gateway: string, alloc: string, by: RealProcess | undefined): void {
    if (this.#world.calm && !by?.isRunning)
      this.#complain('answer', `a request that gateway ${gateway} sent to ${alloc} was lost`);
  }

  /** Where nothing bad happens, no operator's command costs a request: every backend is there, and none is missing. */
  #lookAtCalm(services: NonNullable<World['calm']>, state: Reader): void {
    const { gateways, machines } = this.#world;
    const processes = [...machines.values()].flatMap((machine) => machine.running());
    const running = new Set(processes.map(({ alloc }) => alloc));
    for (const { name, dataPlane } of gateways) {
      const dead = [...dataPlane.routed()].find((alloc) => !running.has(alloc));
      if (dead) this.#complain('traffic', `gateway ${name} sends requests to ${dead}, which does not run`);
    }
    for (const { name, replicas } of services) {
      const uid = state.get('Service', name)?.metadata.uid ?? '';
      // A replacement and its original are one: before the first start is over, both may serve where another does not yet.
      const serving = new Set(
        state.byIndex('Alloc', 'owner', uid).flatMap((alloc) => (isServing(alloc) ? [alloc.spec.slot] : [])),
      ).size;
      if (serving >= replicas) this.#complete.add(name);
      else if (this.#complete.has(name))
        this.#complain(
          'availability',
          `${name} serves with ${serving} of ${replicas}, and nothing had failed`,
        );
    }
  }

  /** Those that are waited for; one that is cut off serves nobody any more that could tell. */
  #live(state: Reader): SimulatedGateway[] {
    return this.#world.gateways.filter(({ name, process, link }) => {
      const lease = state.get('Lease', gatewayLeaseName(name));
      // One that has no lease yet, or any more, has been told nothing else than the others.
      const isFresh = lease === undefined || saidExpiryMs(lease) > this.#world.timeline.nowMs;
      const isBack = !link.isCut && this.#world.timeline.nowMs - link.healedAtMs > RETURN_MS;
      return process?.isAlive && isBack && isFresh;
    });
  }
}
