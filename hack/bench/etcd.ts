/** etcd servers of a bench's own on loopback: one, or a cluster of three. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createPortAllocator } from '../../runtime/ports.ts';
import { fetchEtcd } from '../nats/fetch.ts';
import { Program } from '../program.ts';

/** A server that does not answer yet must not hold the others up. */
const ASK_TIMEOUT_MS = 1_000;

export interface Etcd {
  /** The server that leads. A client of it is spared the detour through another one. */
  readonly leader: string;
  readonly programs: readonly Program[];
  /** Ends the servers and deletes their data. */
  close(): Promise<void>;
}

/**
 * With the settings that etcd has by itself: what it acknowledges is on the disk of a majority.
 * @param dir for their data alone; deleted at the end
 * @throws CannotFetch, or Error with the last words of a server that did not start
 */
export async function startEtcd(dir: string, servers: 1 | 3): Promise<Etcd> {
  const binary = await fetchEtcd();
  const members = await reserveMembers(servers);
  const cluster = members.map(({ name, peer }) => `${name}=${peer}`).join(',');
  await mkdir(dir, { recursive: true });
  const programs = members.map(({ name, client, peer }) => {
    const data = join(dir, name);
    const options = [
      ...['--name', name, '--data-dir', data],
      ...['--listen-client-urls', client, '--advertise-client-urls', client],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
      ...['--initial-cluster', cluster, '--log-level', 'warn'],
    ];
    return new Program({
      name,
      command: () => [binary, ...options],
      logFile: join(dir, `${name}.log`),
      isReady: async () => (await ask(client, '/health')).includes('"health":"true"'),
    });
  });
  const close = async () => {
    await Promise.all(programs.map((program) => program.kill()));
    await rm(dir, { recursive: true, force: true });
  };
  try {
    await Promise.all(programs.map((program) => program.start()));
    return { leader: await findLeader(members), programs, close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Member {
  readonly name: string;
  /** Where clients connect, and other servers. */
  readonly client: string;
  readonly peer: string;
}

async function reserveMembers(count: number): Promise<Member[]> {
  const ports = createPortAllocator({ address: '127.0.0.1', random: Math.random });
  const members: Member[] = [];
  for (let number = 1; number <= count; number++) {
    const name = `etcd-${number}`;
    const [client, peer] = (await ports.reserve(name, ['client', 'peer'])).map(
      ({ port }) => `http://127.0.0.1:${port}`,
    );
    members.push({ name, client: client ?? '', peer: peer ?? '' });
  }
  return members;
}

/** They are healthy, so one of them leads. */
async function findLeader(members: readonly Member[]): Promise<string> {
  for (const { client } of members) {
    if (/^etcd_server_is_leader 1$/m.test(await ask(client, '/metrics'))) return client;
  }
  throw new Error('no etcd server leads');
}

/** @returns '' where it does not answer in time */
async function ask(url: string, path: string): Promise<string> {
  try {
    const answer = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(ASK_TIMEOUT_MS) });
    return await answer.text();
  } catch {
    return ''; // not listening yet: the caller asks again, within its bound
  }
}
