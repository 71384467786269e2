/** A server: the store, the API and the controllers in one process, which dies as a whole. */
import type { Log } from '../../api/log.ts';
import { admission } from '../../api/rules/index.ts';
import { ApiService } from '../../api/server/service.ts';
import { type RunningControlPlane, startControlPlane } from '../../controllers/processes/control-plane.ts';
import type { VolumeDriver } from '../../runtime/drivers/volume.ts';
import { Door } from './door.ts';
import type { Randomness } from './randomness.ts';
import { SimulatedStore, type SimulatedStoreOptions } from './store.ts';

/** As the real server has it. */
export const DOWN_AFTER_MS = 10_000;

export interface ServerOptions extends Omit<SimulatedStoreOptions, 'admission'> {
  readonly randomness: Randomness;
  readonly log: Log;
  readonly volumes: VolumeDriver;
}

export class Server extends Door {
  /** Of the same store that everybody sees. */
  readonly engine: SimulatedStore;
  readonly controlPlane: RunningControlPlane;

  constructor(options: ServerOptions) {
    const { process, log, randomness, volumes } = options;
    const { clock, random } = process;
    const store = new SimulatedStore({ ...options, admission });
    const service = new ApiService({ store, clock, admission, identities: randomness.identities });
    super({ process, store, service });
    this.engine = store;
    this.controlPlane = startControlPlane({
      store,
      service,
      clock,
      random,
      log,
      volumeDrivers: { local: volumes },
      downAfterMs: DOWN_AFTER_MS,
    });
  }

  /** SIGTERM, in the order in which `mill server` goes: controllers, API, store. Resolves when it has ended. */
  async close(): Promise<void> {
    await this.controlPlane.stop();
    await this.stopListening();
    // A disk that is full just then: it ends with an error, and ends.
    await this.store.close().catch(() => {});
    this.process.kill();
  }
}
