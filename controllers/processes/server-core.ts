/** What `mill up` and `mill server` share: the store, the API over HTTPS, the controllers. */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeContext } from '../../api/cli/context.ts';
import type { Clock } from '../../api/clock.ts';
import { ADMIN_GROUP } from '../../api/groups.ts';
import type { Log } from '../../api/log.ts';
import { admission } from '../../api/rules/index.ts';
import { Authenticator } from '../../api/server/authn.ts';
import { type ApiServer, createApiServer } from '../../api/server/http/server.ts';
import { randomIdentities } from '../../api/server/identities.ts';
import { LogBroker } from '../../api/server/logs.ts';
import { ApiService } from '../../api/server/service.ts';
import { loadCertificates } from '../../api/server/tls.ts';
import type { Actor } from '../../api/store.ts';
import manifest from '../../package.json' with { type: 'json' };
import { createLocalVolumeDriver } from '../../runtime/drivers/local-volume.ts';
import { type EmbeddedStore, openEmbeddedStore } from '../../runtime/store/embedded.ts';
import { planDrain } from '../placement/plan.ts';
import { startControlPlane } from './control-plane.ts';

/** A node that was not heard from for so long is down. Agents fence their volume writers well before (`FENCE_AFTER_MS`). */
const DOWN_AFTER_MS = 10_000;
/** The operator whose credential the server writes for the user that started it. */
export const ADMIN: Actor = { user: 'admin', groups: [ADMIN_GROUP] };

export interface ServerCoreOptions {
  readonly data: string;
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
  readonly store: EmbeddedStore;
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
  const { data, host, port, names, clock, random, log } = options;
  const secrets = join(data, 'server');
  await mkdir(secrets, { recursive: true, mode: 0o700 });
  const [store, certificates, token] = await Promise.all([
    openEmbeddedStore({ dir: join(data, 'store'), clock, log, admission }),
    loadCertificates({ dir: secrets, names: [host, ...names], clock }),
    adminToken(join(secrets, 'admin-token')),
  ]);
  const service = new ApiService({ store, clock, admission });
  const volumes = createLocalVolumeDriver({ dir: join(data, 'volumes') });
  const logs = new LogBroker({ clock, identities: randomIdentities });
  const api = createApiServer({
    service,
    authenticator: new Authenticator(store.state, [{ token, actor: ADMIN }]),
    logs,
    clock,
    log,
    identities: randomIdentities,
    version: manifest.version,
    tls: certificates,
    hostNames: names,
    whyNotReady: () => store.health.unwritable,
    planDrain: (node) => planDrain(node, store.state),
  });
  const url = await listen(api, host, port, store);
  await writeContext({ server: url, ca: certificates.ca, token });
  const controllers = startControlPlane({
    store,
    service,
    clock,
    random,
    log,
    volumeDrivers: { local: volumes },
    downAfterMs: DOWN_AFTER_MS,
  });
  return {
    url,
    store,
    service,
    logs,
    volumes,
    stopControllers: () => controllers.stop(),
    async close() {
      await controllers.stop();
      await api.close();
      await store.close();
    },
  };
}

async function listen(api: ApiServer, host: string, port: number, store: EmbeddedStore): Promise<string> {
  try {
    return await api.listen(host, port);
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** The administrator's token: made once, kept beside the state, readable by its owner alone. */
async function adminToken(path: string): Promise<string> {
  try {
    const token = (await readFile(path, 'utf8')).trim();
    if (token) return token;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  const token = randomBytes(32).toString('base64url');
  await writeFile(`${path}.new`, `${token}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
  return token;
}
