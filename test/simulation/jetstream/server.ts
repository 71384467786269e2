/** One of several servers on one NATS cluster: its store, the API, and the controllers that it leads. */
import { createLocalClient } from '../../../api/client/local.ts';
import type { Log } from '../../../api/log.ts';
import { admission } from '../../../api/rules/index.ts';
import { ApiService } from '../../../api/server/service.ts';
import { type ControlPlane, createControlPlane } from '../../../controllers/processes/control-plane.ts';
import type { VolumeDriver } from '../../../runtime/drivers/volume.ts';
import { serverActor } from '../../../runtime/leadership/changes.ts';
import { type Leaderships, startLeaderships } from '../../../runtime/leadership/leaderships.ts';
import { refuseNamesake } from '../../../runtime/leadership/namesake.ts';
import { Door } from '../door.ts';
import type { Randomness } from '../randomness.ts';
import { DOWN_AFTER_MS } from '../server.ts';
import { JetStreamStore, type JetStreamStoreOptions } from './store.ts';

/** The server that decides the commits of all: a role that the engine looks at, and nobody runs. */
const WRITER = 'writer';

export interface JetStreamServerOptions extends Omit<JetStreamStoreOptions, 'admission' | 'writer'> {
  readonly randomness: Randomness;
  readonly volumes: VolumeDriver;
  readonly log: Log;
}

export class JetStreamServer {
  readonly store: JetStreamStore;
  readonly process: JetStreamServerOptions['process'];
  /** Undefined until it serves. */
  door: Door | undefined;
  #controlPlane: ControlPlane | undefined;
  #leaderships: Leaderships | undefined;

  constructor(options: JetStreamServerOptions) {
    this.process = options.process;
    this.store = new JetStreamStore({
      ...options,
      admission,
      writer: (state) => this.#leaderships?.leaderOf(WRITER, state),
    });
    void this.#start(options);
  }

  /** Keys that wait in the controllers that run here. */
  queued(): number {
    return this.#controlPlane?.queued() ?? 0;
  }

  /** SIGTERM, in the order in which `mill server` goes: controllers, API, store. Resolves when it has ended. */
  async close(): Promise<void> {
    await this.#leaderships?.close();
    await this.door?.stopListening();
    await this.store.close();
    this.process.kill();
  }

  async #start({ process, server, run, randomness, volumes, log }: JetStreamServerOptions): Promise<void> {
    const { store } = this;
    const { clock, random } = process;
    await store.loaded;
    await refuseNamesake(store, server, clock);
    const { identities } = randomness;
    const service = new ApiService({ store, clock, admission, identities });
    this.door = new Door({ process, store, service });
    const volumeDrivers = { local: volumes };
    const controlPlane = createControlPlane({
      store,
      service,
      clock,
      random,
      log,
      volumeDrivers,
      downAfterMs: DOWN_AFTER_MS,
      hasSharedLeases: true,
    });
    this.#controlPlane = controlPlane;
    this.#leaderships = startLeaderships({
      store,
      client: createLocalClient(service, serverActor(server)),
      clock,
      log,
      identities,
      server,
      session: run,
      roles: [...controlPlane.roles, { name: WRITER }],
      isAlone: false,
      onLeasesLost: () => controlPlane.forgetLeases(),
      onHeardAgain: () => controlPlane.excuseSilence(),
    });
  }
}
