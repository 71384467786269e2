/**
 * One process a directory: the owner listens on a unix socket in it. The kernel closes the socket with the
 * process, so a lock is stale exactly when nobody answers there: no pid to mistake for another's, containers and
 * network namespaces included.
 *
 * Sockets are numbered and the highest one rules. A contender that found the owner dead takes the next number by
 * a hard link, which only one can; whoever then sees a higher number than its own, or another owner, steps back.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, linkSync, openSync, readdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '../../api/clock.ts';

/** A contender that loses the race this often gives up: others come and go faster than it can look. */
const MAX_ATTEMPTS = 20;
/** The owner says its pid at once; one that is suspended does not, and is alive all the same. */
const ANSWER_TIMEOUT_MS = 1_000;
const LOCK = /^lock-(\d+)$/;
const CONTENDER = /^lock-.+\.new$/;

export interface DirectoryLock {
  release(): Promise<void>;
}

/** @throws Error where another process, or this one, has the directory open */
export async function lockDirectory(dir: string, clock: Clock): Promise<DirectoryLock> {
  const directory = openSync(dir, 'r');
  // A socket's path is at most some hundred bytes long; by the descriptor it always is.
  const base = process.platform === 'linux' ? `/proc/self/fd/${directory}` : dir;
  const contender = `lock-${randomUUID()}.new`;
  let server: Server | undefined;
  try {
    server = await listen(join(base, contender));
    const number = await takeNumber(dir, base, contender, clock);
    const listening = server;
    return {
      release: async () => {
        rmSync(join(dir, `lock-${number}`), { force: true });
        await closeServer(listening);
        closeSync(directory);
      },
    };
  } catch (error) {
    if (server) await closeServer(server);
    closeSync(directory);
    throw error;
  }
}

async function takeNumber(dir: string, base: string, contender: string, clock: Clock): Promise<number> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const highest = highestLock(dir);
    const owner = highest > 0 ? await findOwner(join(base, `lock-${highest}`), clock) : undefined;
    if (owner)
      throw new Error(`the store in ${dir} is in use by ${owner}: stop it first, or use another directory`);
    const number = highest + 1;
    if (!tryLink(join(dir, contender), join(dir, `lock-${number}`))) continue;
    if (await isContested(dir, base, number, clock)) {
      rmSync(join(dir, `lock-${number}`), { force: true });
      continue;
    }
    removeStale(dir, number);
    return number;
  }
  throw new Error(`the store in ${dir} cannot be locked: several processes try to open it at once`);
}

/** A higher number was faster; a lower one that is alive was free, and taken, after we had looked. */
async function isContested(dir: string, base: string, number: number, clock: Clock): Promise<boolean> {
  for (const other of lockNumbers(dir)) {
    if (other > number) return true;
    if (other < number && (await findOwner(join(base, `lock-${other}`), clock))) return true;
  }
  return false;
}

function removeStale(dir: string, number: number): void {
  for (const other of lockNumbers(dir))
    if (other < number) rmSync(join(dir, `lock-${other}`), { force: true });
  for (const name of readdirSync(dir)) if (CONTENDER.test(name)) rmSync(join(dir, name), { force: true });
}

const lockNumbers = (dir: string): number[] =>
  readdirSync(dir)
    .map((name) => LOCK.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number);

const highestLock = (dir: string): number => Math.max(0, ...lockNumbers(dir));

/** False where somebody was faster: the number is taken, or the winner has cleared our own socket away. */
function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' || code === 'ENOENT') return false;
    throw error;
  }
}

/** Who answers at a lock, in words; undefined where nobody does. */
function findOwner(path: string, clock: Clock): Promise<string | undefined> {
  return new Promise((resolve) => {
    let pid = '';
    const socket = connect(path);
    const settle = (owner: string | undefined) => {
      cancel();
      socket.destroy();
      resolve(owner);
    };
    const cancel = clock.schedule(ANSWER_TIMEOUT_MS, () => settle('a process that does not answer'));
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      pid += text;
    });
    socket.on('end', () => settle(pid ? `process ${pid}` : 'another process'));
    socket.on('error', ({ code }: NodeJS.ErrnoException) =>
      settle(code === 'ECONNREFUSED' || code === 'ENOENT' ? undefined : `another process (${code})`),
    );
  });
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      // A contender may hang up before it has heard us: that is its business.
      socket.on('error', () => socket.destroy());
      socket.end(String(process.pid));
    });
    server.once('error', reject);
    server.listen(path, () => {
      server.unref();
      resolve(server);
    });
  });
}

const closeServer = (server: Server): Promise<void> =>
  new Promise((resolve) => server.close(() => resolve()));
