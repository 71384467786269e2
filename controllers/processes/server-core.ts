/** What `mill up` and `mill server` share: the store, the API over HTTPS, the controllers. */
import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { writeContext } from '../../api/cli/context.ts';
import type { NatsTarget } from '../../api/cli/processes.ts';
import { createLocalClient } from '../../api/client/local.ts';
import type { Clock } from '../../api/clock.ts';
import { ADMIN_GROUP } from '../../api/groups.ts';
import type { Log } from '../../api/log.ts';
import { admission } from '../../api/rules/index.ts';
import { Authenticator } from '../../api/server/authn.ts';
import { type ApiServer, createApiServer } from '../../api/server/http/server.ts';
import { randomIdentities } from '../../api/server/identities.ts';
import { LogBroker } from '../../api/server/logs.ts';
import { ApiService } from '../../api/server/service.ts';
import type { Actor, Store } from '../../api/store.ts';
import manifest from '../../package.json' with { type: 'json' };
import { createLocalVolumeDriver } from '../../runtime/drivers/local-volume.ts';
import { serverActor } from '../../runtime/leadership/changes.ts';
import { type Leaderships, startLeaderships } from '../../runtime/leadership/leaderships.ts';
import { refuseNamesake } from '../../runtime/leadership/namesake.ts';
import { planDrain } from '../placement/plan.ts';
import { NODE_RETURN_MS } from './agent-times.ts';
import { createControlPlane } from './control-plane.ts';
import { storeDirectory, volumesDirectory } from './data-layout.ts';
import { type Engine, openEngine } from './engine.ts';
import { loadSecrets } from './secrets.ts';
import { keptServerName } from './server-name.ts';

/** The server that decides the commits of all: a role that the store's engine looks at, and nobody runs. */
const WRITER = 'writer';
/** The operator whose credential the server writes for the user that started it. */
export const ADMIN: Actor = { user: 'admin', groups: [ADMIN_GROUP] };

export interface ServerCoreOptions {
  readonly data: string;
  /** Absent: the embedded store. */
  readonly nats?: NatsTarget;
  /** Absent: one that is made at the first start. */
  readonly serverName?: string;
  /** The node that it runs on, where that is one of the fleet. */
  readonly node?: string;
  /** Directory of local volumes; absent: one in `data`. */
  readonly volumes?: string;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** More names and addresses for the certificate. */
  readonly names: readonly string[];
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

export interface ServerCore {
  readonly url: string;
  readonly store: Store;
  readonly service: ApiService;
  readonly logs: LogBroker;
  readonly volumes: ReturnType<typeof createLocalVolumeDriver>;
  /** From here on nothing is decided any more: what stops next is not taken for something to mend. */
  stopControllers(): Promise<void>;
  /** Stops what is left: the API, then the store. */
  close(): Promise<void>;
}

/** @throws Error in one line where the data cannot be opened, or the address cannot be listened on */
export async function startServerCore(options: ServerCoreOptions): Promise<ServerCore> {
  const { data, clock, log } = options;
  const secretsDir = join(data, 'server');
  await mkdir(secretsDir, { recursive: true, mode: 0o700 });
  const server = options.serverName ?? (await keptServerName(secretsDir, hostname()));
  let leaderships: Leaderships | undefined;
  const opening = openEngine({
    ...options,
    dir: options.nats ? join(data, 'nats') : storeDirectory(data),
    server,
    writer: (state) => leaderships?.leaderOf(WRITER, state),
  });
  const { certificates, token } = await openSecrets(options, secretsDir, opening);
  const engine = await opening;
  const { store } = engine;
  if (!engine.isAlone) await refuseNamesake(store, server, clock);
  const service = new ApiService({ store, clock, admission });
  const volumes = createLocalVolumeDriver({ dir: options.volumes ?? volumesDirectory(data) });
  const logs = new LogBroker({ clock, identities: randomIdentities });
  const api = createApiServer({
    service,
    authenticator: new Authenticator(store.state, [{ token, actor: ADMIN }]),
    logs,
    clock,
    log,
    identities: randomIdentities,
    version: manifest.version,
    cluster: engine.clusterId,
    tls: certificates,
    hostNames: options.names,
    whyNotReady: () => store.health.unwritable,
    planDrain: (node) => planDrain(node, store.state),
  });
  const url = await listen(api, options, engine);
  await writeContext({ server: url, ca: certificates.ca, token });
  leaderships = lead(options, server, engine, service, volumes);
  const stopControllers = () => leaderships?.close() ?? Promise.resolve();
  return {
    url,
    store,
    service,
    logs,
    volumes,
    stopControllers,
    async close() {
      await stopControllers();
      await api.close();
      await engine.close();
    },
  };
}

/** A server alone has them in its files, which need not wait for the store; others get them out of the store. */
async function openSecrets(options: ServerCoreOptions, dir: string, opening: Promise<Engine>) {
  const { host, names, clock } = options;
  const shared = options.nats ? (await opening).sharedSecret : undefined;
  const secrets = loadSecrets({ dir, names: [host, ...names], clock, ...(shared ? { shared } : {}) });
  // Whichever fails first is what there is to say.
  return (await Promise.all([secrets, opening]))[0];
}

/** The controllers, of which this server runs those that it leads. */
function lead(
  options: ServerCoreOptions,
  server: string,
  { store, isAlone, natsServers }: Engine,
  service: ApiService,
  volumes: ServerCore['volumes'],
): Leaderships {
  const { clock, random, log, node } = options;
  const volumeDrivers = { local: volumes };
  const controllers = createControlPlane({
    store,
    service,
    clock,
    random,
    log,
    volumeDrivers,
    downAfterMs: NODE_RETURN_MS,
    hasSharedLeases: !isAlone,
  });
  return startLeaderships({
    store,
    client: createLocalClient(service, serverActor(server)),
    clock,
    log,
    identities: randomIdentities,
    server,
    session: randomIdentities.uid(),
    ...(node === undefined ? {} : { node }),
    roles: isAlone ? controllers.roles : [...controllers.roles, { name: WRITER }],
    isAlone,
    ...(natsServers ? { natsServers } : {}),
    onLeasesLost: () => controllers.forgetLeases(),
    onHeardAgain: () => controllers.excuseSilence(),
  });
}

async function listen(api: ApiServer, { host, port }: ServerCoreOptions, engine: Engine): Promise<string> {
  try {
    return await api.listen(host, port);
  } catch (error) {
    await engine.close();
    throw error;
  }
}
