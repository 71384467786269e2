/**
 * Fetches server programs from Debian's suites into a cache of the user's own. apt works on a private sources list with
 * private lists and a private cache, and the package is only unpacked: nothing on the system changes, and root is not
 * needed.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { ETCD_RELEASE, NATS_RELEASES, type NatsRelease, type Release } from './releases.ts';

const MIRROR = 'http://deb.debian.org/debian';
/** What apt checks the mirror's signatures with. */
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
/** One apt step: some ten megabytes from a mirror, on a slow line. */
const APT_TIMEOUT_MS = 180_000;
/** Without a network apt must give up soon, so that tests are left out rather than time out. */
const CONNECT_TIMEOUT_SECONDS = 15;

const run = promisify(execFile);

/** A program could not be fetched here. The message says why, in a line. */
export class CannotFetch extends Error {}

/**
 * @returns the path of the nats-server, fetched now or earlier
 * @throws CannotFetch
 */
export function fetchNats(release: NatsRelease): Promise<string> {
  return fetchRelease(NATS_RELEASES[release]);
}

/**
 * @returns the path of the etcd server, fetched now or earlier
 * @throws CannotFetch
 */
export function fetchEtcd(): Promise<string> {
  return fetchRelease(ETCD_RELEASE);
}

/** Why the programs cannot be had here, in a line; undefined where they are there. Fetches what is missing. */
export async function whyMissing(...releases: readonly Release[]): Promise<string | undefined> {
  try {
    for (const release of releases) await fetchRelease(release);
    return undefined;
  } catch (error) {
    if (error instanceof CannotFetch) return error.message;
    throw error;
  }
}

/**
 * A version is kept in `PROGRAM/VERSION/`; `PROGRAM/SUITE` is a link to the version that the suite had when it was
 * asked. Delete the link to ask again. Each appears by one rename, so two processes may fetch at once.
 */
async function fetchRelease(release: Release): Promise<string> {
  const cache = join(cacheHome(), 'mill', release.program);
  const link = join(cache, release.suite);
  const executable = join(link, basename(release.path));
  if (existsSync(executable)) return executable;
  const obstacle = whyNoApt();
  if (obstacle) throw new CannotFetch(`cannot fetch ${release.package}: ${obstacle}`);
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, '.fetch-'));
  try {
    const version = await unpack(release, work);
    await keep(join(work, 'kept'), join(cache, version));
    await symlink(version, join(work, 'link'));
    await rename(join(work, 'link'), link);
    return join(cache, await readlink(link), basename(release.path));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Leaves the program in `kept/`. @returns its version, without Debian's revision */
async function unpack(release: Release, work: string): Promise<string> {
  const source = `deb [signed-by=${KEYRING}] ${MIRROR} ${release.suite} main\n`;
  await writeFile(join(work, 'sources.list'), source);
  for (const dir of ['lists/partial', 'cache/archives/partial', 'kept']) {
    await mkdir(join(work, dir), { recursive: true });
  }
  await apt(release, work, 'update');
  await apt(release, work, 'download', release.package);
  const archive = (await readdir(work)).find((name) => name.endsWith('.deb'));
  const version = /_(?:\d+%3a)?([^_]+?)(?:-[^-_]+)?_/.exec(archive ?? '')?.[1];
  if (!archive || !version) throw new CannotFetch(`cannot fetch ${release.package}: apt-get left no package`);
  await run('dpkg', ['-x', join(work, archive), join(work, 'files')]);
  await rename(join(work, 'files', release.path), join(work, 'kept', basename(release.path)));
  return version;
}

async function apt(release: Release, work: string, ...words: readonly string[]): Promise<void> {
  const settings = [
    `Dir::Etc::SourceList=${join(work, 'sources.list')}`,
    'Dir::Etc::SourceParts=/dev/null',
    `Dir::State::Lists=${join(work, 'lists')}`,
    `Dir::Cache=${join(work, 'cache')}`,
    'Acquire::Languages=none',
    `Acquire::http::Timeout=${CONNECT_TIMEOUT_SECONDS}`,
    'Acquire::Retries=1',
    // A list that could not be read is an error, not a warning and an old list.
    'APT::Update::Error-Mode=any',
    // Root's apt drops to a user that cannot see this folder.
    'APT::Sandbox::User=root',
  ];
  const options = ['-qq', ...settings.flatMap((setting) => ['-o', setting])];
  try {
    await run('apt-get', [...options, ...words], { cwd: work, timeout: APT_TIMEOUT_MS });
  } catch (error) {
    const { stderr = '' } = error as { readonly stderr?: string };
    const reason = /^E: (.*)$/m.exec(stderr)?.[1] ?? (error instanceof Error ? error.message : String(error));
    throw new CannotFetch(`cannot fetch ${release.package} of ${release.suite}: ${reason.split('\n')[0]}`, {
      cause: error,
    });
  }
}

/** Puts a folder in its place; where another process was first, its folder stays. */
async function keep(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  }
}

function whyNoApt(): string | undefined {
  const isThere = (name: string) =>
    (process.env.PATH ?? '').split(':').some((dir) => existsSync(join(dir, name)));
  for (const tool of ['apt-get', 'dpkg']) {
    if (!isThere(tool)) return `there is no ${tool} here (it is fetched from Debian)`;
  }
  return existsSync(KEYRING) ? undefined : `${KEYRING} is missing (package debian-archive-keyring)`;
}

function cacheHome(): string {
  return process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
}
