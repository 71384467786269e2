/** The controllers of a server as roles: each can be started and stopped alone, with a client that carries its term. */
import { createLocalClient } from '../../api/client/local.ts';
import type { Clock } from '../../api/clock.ts';
import { CONTROLLER_GROUP } from '../../api/groups.ts';
import type { Log } from '../../api/log.ts';
import type { ApiService } from '../../api/server/service.ts';
import type { Actor, Store } from '../../api/store.ts';
import {
  type Environment,
  type RunningController,
  runController,
} from '../../runtime/controller/controller.ts';
import type { VolumeDriver } from '../../runtime/drivers/volume.ts';
import { retainEvents } from '../../runtime/event-retention.ts';
import { createEventRecorder } from '../../runtime/events.ts';
import type { Role, RunningRole } from '../../runtime/leadership/runner.ts';
import { LeaseSight } from '../../runtime/lease-sight.ts';
import { drainController } from '../drain/controller.ts';
import { createEndpointsController } from '../endpoints/controller.ts';
import { migrationController } from '../migration/controller.ts';
import { createNodeHealthController } from '../node-health/controller.ts';
import { peerController } from '../peer/controller.ts';
import { removalController } from '../removal/controller.ts';
import { createServiceController } from '../service/controller.ts';
import { createTaskController } from '../task/controller.ts';
import { createVolumeController } from '../volume/controller.ts';

/**
 * How long gateways may take to reach a server that was restarted, or whose store takes heartbeats again: their longest
 * pause between two attempts, a request that hangs, and more.
 */
const GATEWAY_RETURN_MS = 3_000;

/**
 * How long leases that were lost with the memory of the NATS servers may take to come back: a heartbeat that was under way
 * then hangs until it is given up, and the next one may meet the election of a leader (4–8 s, measured).
 */
const LEASES_RETURN_MS = 10_000;

export interface ControlPlaneOptions {
  readonly store: Store;
  readonly service: ApiService;
  readonly clock: Clock;
  /** 0 ≤ n < 1. */
  readonly random: () => number;
  readonly log: Log;
  readonly volumeDrivers: Readonly<Record<string, VolumeDriver>>;
  /** How long a node that has not been heard from since this start is still taken for alive, in milliseconds. */
  readonly downAfterMs: number;
  /** Leases are in the memory of the NATS servers, which may have lost them just before this start. Absent: in this server's own. */
  readonly hasSharedLeases?: boolean;
}

export interface ControlPlane {
  /** Each runs on one server at a time; which one is not decided here. */
  readonly roles: readonly Role[];
  /** Keys that wait or are worked on, in all controllers together. */
  queued(): number;
  /** All leases were lost with the memory that they were in: from now on their holders are given time to come back. */
  forgetLeases(): void;
  /** For a while nobody could renew a lease: one that has run out holds against nobody, until its holder had time to come back. */
  excuseSilence(): void;
}

export function createControlPlane(options: ControlPlaneOptions): ControlPlane {
  const { store, clock, volumeDrivers, downAfterMs, hasSharedLeases = false, log } = options;
  const running = new Set<RunningController>();
  // Before the controllers hear of a lease.
  const leases = new LeaseSight(store, clock);
  let acknowledgeFromMs = 0;
  const giveTime = (ms: number) => {
    acknowledgeFromMs = Math.max(acknowledgeFromMs, clock.now() + ms);
  };
  // Gateways that were known before this start are given the time to say that they are there.
  if (store.state.count('Endpoints') > 0) giveTime(hasSharedLeases ? LEASES_RETURN_MS : GATEWAY_RETURN_MS);
  const role = (name: string, run: (environment: Environment) => RunningController): Role => ({
    name,
    start(term) {
      const controller = run(environmentOf(options, name, term));
      running.add(controller);
      return { stop: () => controller.stop().finally(() => running.delete(controller)) };
    },
  });
  return {
    roles: [
      role('node-health', (environment) =>
        runController(
          createNodeHealthController({ leases, startedAtMs: clock.now(), downAfterMs }),
          environment,
        ),
      ),
      role('volume', (environment) =>
        runController(createVolumeController({ drivers: volumeDrivers }), environment),
      ),
      role('endpoints', (environment) =>
        runController(
          createEndpointsController({ leases, acknowledgeFromMs: () => acknowledgeFromMs }),
          environment,
        ),
      ),
      role('migration', (environment) => runController(migrationController, environment)),
      role('drain', (environment) => runController(drainController, environment)),
      role('service', (environment) => runController(createServiceController(), environment)),
      role('task', (environment) => runController(createTaskController(), environment)),
      role('removal', (environment) => runController(removalController, environment)),
      role('peer', (environment) => runController(peerController, environment)),
      { name: 'events', start: (term) => startEventRetention(environmentOf(options, 'events', term), log) },
    ],
    queued: () => [...running].reduce((sum, controller) => sum + controller.queued(), 0),
    forgetLeases: () => giveTime(LEASES_RETURN_MS),
    excuseSilence: () => giveTime(GATEWAY_RETURN_MS),
  };
}

/** What runs without leaderships: the only server that there is, or one that a test says is another. */
export interface RunningControlPlane {
  queued(): number;
  stop(): Promise<void>;
}

/** Starts all of the control plane here, in no term. */
export function startControlPlane(options: ControlPlaneOptions): RunningControlPlane {
  const { roles, queued } = createControlPlane(options);
  const running = roles.flatMap((role) => role.start?.() ?? []);
  return {
    queued,
    async stop() {
      await Promise.all(running.map((each) => each.stop()));
    },
  };
}

/** @param term the leadership that its commits carry; undefined: none */
function environmentOf(options: ControlPlaneOptions, name: string, term: number | undefined): Environment {
  const { store, service, clock, random, log } = options;
  const actor: Actor = {
    user: `system:controller:${name}`,
    groups: [CONTROLLER_GROUP],
    ...(term === undefined ? {} : { leadership: { name, term } }),
  };
  const client = createLocalClient(service, actor);
  const events = createEventRecorder({ client, clock, random, log, source: `${name}-controller` });
  return { source: store, client, clock, random, log, events };
}

function startEventRetention({ source, client }: Environment, log: Log): RunningRole {
  const abort = new AbortController();
  retainEvents(source, client, log, abort.signal);
  return { stop: async () => abort.abort() };
}
