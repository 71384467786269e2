/** One run: NATS servers, mill servers with writers, faults for a while; then everything is looked at. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { NatsRelease } from '../../hack/nats/releases.ts';
import { type NatsPath, startNats } from '../../hack/nats/servers.ts';
import { Randomness } from '../simulation/randomness.ts';
import { audit, type Findings } from './audit.ts';
import { compareCopies } from './copies.ts';
import { readHistories } from './history.ts';
import { type Fault, type Happening, rage, type Targets } from './nemesis.ts';
import { readReplicas } from './replicas.ts';
import { Server } from './server.ts';

const BUCKET = 'mill';
const STREAM = `KV_${BUCKET}`;
const SERVERS = 3;
/** Of each server: eight writers together. */
const CLIENTS = [3, 3, 2] as const;
/** After the faults have ended everything works again by then: an election of NATS's, and a start of a server. */
const RECOVERY_MS = 45_000;
const START_MS = 60_000;

export interface Setting {
  readonly release: NatsRelease;
  readonly natsServers: 1 | 3;
  readonly syncAlways: boolean;
  /** One of the servers commits for all; which one, changes. */
  readonly handsOver: boolean;
  readonly faults: readonly Fault[];
}

export interface Verdict extends Findings {
  readonly happenings: readonly Happening[];
  /** From the end of the faults until the last server committed. */
  readonly recoveredMs: number;
}

/** @param dir a folder for this run alone; it stays where something is wrong */
export async function run(setting: Setting, seed: number, durationMs: number, dir: string): Promise<Verdict> {
  const verdict = await runIn(dir, setting, seed, durationMs);
  // Not before every server has ended: a running one writes new files into what is being deleted.
  if (verdict.violations.length === 0) await rm(dir, { recursive: true, force: true });
  return verdict;
}

async function runIn(dir: string, setting: Setting, seed: number, durationMs: number): Promise<Verdict> {
  const cluster = await Cluster.start(setting, seed, dir);
  try {
    const random = new Randomness(seed).stream('nemesis');
    const happenings = await rage(cluster.targets, setting.faults, random, AbortSignal.timeout(durationMs));
    const recoveredMs = await cluster.recover();
    const copies = await cluster.readCopies();
    const finals = copies.servers[0]?.objects ?? [];
    const { violations, counts } = audit(await readHistories(cluster.dir), finals);
    return {
      violations: [...violations, ...compareCopies(copies)],
      counts: { ...counts, faults: happenings.length / 2 },
      happenings,
      recoveredMs,
    };
  } finally {
    await cluster.close();
  }
}

class Cluster {
  readonly targets: Targets;
  readonly dir: string;

  private constructor(targets: Targets, dir: string) {
    this.targets = targets;
    this.dir = dir;
  }

  static async start(setting: Setting, seed: number, dir: string): Promise<Cluster> {
    const { release, natsServers, syncAlways, handsOver } = setting;
    const nats = await startNats({
      dir: join(dir, 'nats'),
      release,
      servers: natsServers,
      syncAlways,
      cuttable: true,
      keep: true,
    });
    const ids = Array.from({ length: SERVERS }, (_, index) => `server-${index + 1}`);
    const paths: NatsPath[] = [];
    const servers: Server[] = [];
    for (const [index, serverId] of ids.entries()) {
      const path = await nats.path();
      paths.push(path);
      const files = join(dir, 'servers');
      await mkdir(files, { recursive: true });
      const writers = handsOver ? ids : [];
      const common = { bucket: BUCKET, serverId, writers, seed, index, dir: files };
      servers.push(new Server({ ...common, urls: path.urls, clients: CLIENTS[index] ?? 1 }));
    }
    const cluster = new Cluster({ nats, stream: STREAM, servers, paths }, join(dir, 'servers'));
    await cluster.#open();
    return cluster;
  }

  /** Everything is mended: every server commits again in time. @returns how long it took */
  async recover(): Promise<number> {
    const { servers } = this.targets;
    const beganMs = performance.now();
    await Promise.all(servers.map((server) => server.prove(RECOVERY_MS)));
    const tookMs = performance.now() - beganMs;
    await Promise.all(servers.map((server) => server.stop(RECOVERY_MS)));
    return tookMs;
  }

  /** What each server, and each NATS server, holds when everything has come to rest. */
  async readCopies() {
    const { servers, nats } = this.targets;
    await nats.ready();
    // One after the other: the last one's barrier is the last record. Then again, for those before it.
    for (const server of servers) await server.report(RECOVERY_MS);
    const reports = [];
    for (const server of servers) reports.push({ name: server.id, ...(await server.report(RECOVERY_MS)) });
    const replicas = await readReplicas(nats.server(0).url, STREAM, nats.servers.length);
    return { bucket: BUCKET, servers: reports, replicas };
  }

  async close(): Promise<void> {
    const { servers, nats } = this.targets;
    await Promise.all(servers.map((server) => server.kill()));
    await nats.close();
  }

  async #open(): Promise<void> {
    const { servers } = this.targets;
    const opened = servers.map((server) => {
      server.start();
      return server.opened(START_MS);
    });
    await Promise.all(opened).catch(async (error: unknown) => {
      await this.close();
      throw error;
    });
  }
}
