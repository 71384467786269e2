/** The controllers of a server: each with a client of its own, all on the same store. */
import { createLocalClient } from '../../api/client/local.ts';
import type { Clock } from '../../api/clock.ts';
import { CONTROLLER_GROUP } from '../../api/groups.ts';
import type { Log } from '../../api/log.ts';
import type { ApiService } from '../../api/server/service.ts';
import type { Store } from '../../api/store.ts';
import {
  type Environment,
  type RunningController,
  runController,
} from '../../runtime/controller/controller.ts';
import type { VolumeDriver } from '../../runtime/drivers/volume.ts';
import { retainEvents } from '../../runtime/event-retention.ts';
import { createEventRecorder } from '../../runtime/events.ts';
import { drainController } from '../drain/controller.ts';
import { createEndpointsController } from '../endpoints/controller.ts';
import { migrationController } from '../migration/controller.ts';
import { createNodeHealthController } from '../node-health/controller.ts';
import { peerController } from '../peer/controller.ts';
import { removalController } from '../removal/controller.ts';
import { createServiceController } from '../service/controller.ts';
import { createTaskController } from '../task/controller.ts';
import { createVolumeController } from '../volume/controller.ts';

/** How long gateways may take to reach a server that was restarted: their longest pause between two attempts, and more. */
const GATEWAY_RETURN_MS = 3_000;

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
}

export interface ControlPlane {
  /** Keys that wait or are worked on, in all controllers together. */
  queued(): number;
  stop(): Promise<void>;
}

export function startControlPlane(options: ControlPlaneOptions): ControlPlane {
  const { store, service, clock, random, log, volumeDrivers, downAfterMs } = options;
  const environment = (name: string): Environment => {
    const client = createLocalClient(service, {
      user: `system:controller:${name}`,
      groups: [CONTROLLER_GROUP],
    });
    const events = createEventRecorder({ client, clock, random, log, source: `${name}-controller` });
    return { source: store, client, clock, random, log, events };
  };
  // Gateways that an earlier run of this server knew are given the time to say that they are there.
  const acknowledgeFromMs = store.state.count('Endpoints') > 0 ? clock.now() + GATEWAY_RETURN_MS : 0;
  const abort = new AbortController();
  const { client } = environment('events');
  retainEvents(store, client, log, abort.signal);
  const running: RunningController[] = [
    runController(
      createNodeHealthController({ startedAtMs: clock.now(), downAfterMs }),
      environment('node-health'),
    ),
    runController(createVolumeController({ drivers: volumeDrivers }), environment('volume')),
    runController(createEndpointsController({ acknowledgeFromMs }), environment('endpoints')),
    runController(migrationController, environment('migration')),
    runController(drainController, environment('drain')),
    runController(createServiceController(), environment('service')),
    runController(createTaskController(), environment('task')),
    runController(removalController, environment('removal')),
    runController(peerController, environment('peer')),
  ];
  return {
    queued: () => running.reduce((sum, controller) => sum + controller.queued(), 0),
    async stop() {
      abort.abort();
      await Promise.all(running.map((controller) => controller.stop()));
    },
  };
}
