/** Limits of memory and processor by cgroups, version 2 or 1, where this machine and user may have them. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, sleep } from '../../../api/clock.ts';
import type { Log } from '../../../api/log.ts';
import type { WorkloadSpec } from '../workload.ts';

/** Period in which a share of processor time is handed out: the kernel's own default. */
const CPU_PERIOD_US = 100_000;
/** The kernel's least quota: below it a write is refused. */
const MIN_CPU_QUOTA_US = 1_000;
/** Pauses before rmdir is tried again: the kernel empties a cgroup a moment after its last process was reaped. */
const RMDIR_RETRIES_MS = [2, 5, 10, 20, 50, 100, 200];

interface Hierarchy {
  readonly mount: string;
  readonly version: 1 | 2;
  readonly controllers: ReadonlySet<string>;
}

export interface CgroupsOptions {
  /** The driver's directory: sets apart the cgroups of two drivers on one machine. */
  readonly owner: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** The cgroups of one driver: `mill/OWNER/ALLOC` below the top, as other runtimes do, for they outlive the agent's. */
export class Cgroups {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #path: string[];
  #hierarchies: Promise<readonly Hierarchy[]> | undefined;
  #isTold = false;

  constructor({ owner, clock, log }: CgroupsOptions) {
    this.#clock = clock;
    this.#log = log;
    this.#path = ['mill', createHash('sha256').update(owner).digest('hex').slice(0, 16)];
  }

  /** A cgroup with these limits, or with those that can be had; nothing where none can. Said once in the log. */
  async create(alloc: string, resources: WorkloadSpec['resources']): Promise<Cgroup | undefined> {
    const dirs: string[] = [];
    const isLimited = resources.cpuMillis !== undefined || resources.memoryBytes !== undefined;
    const hierarchies = await this.#detect();
    const had = new Set(hierarchies.flatMap(({ controllers }) => [...controllers]));
    if (isLimited && !(had.has('memory') && had.has('cpu')))
      this.#tell(new Error(`controllers: ${[...had].join(', ') || 'none'}`));
    for (const hierarchy of hierarchies) {
      const settings = settingsOf(hierarchy, resources);
      if (settings.length === 0 && hierarchy.version === 1) continue; // a bare v2 cgroup is still one to kill by
      try {
        dirs.push(await this.#make(hierarchy, alloc, settings));
      } catch (cause) {
        if (isLimited) this.#tell(cause);
      }
    }
    return dirs.length > 0 ? new Cgroup(dirs, this.#clock) : undefined;
  }

  /** The cgroup that an earlier agent made for the alloc, if any. */
  async find(alloc: string): Promise<Cgroup | undefined> {
    const dirs: string[] = [];
    for (const { mount } of await this.#detect()) {
      const dir = join(mount, ...this.#path, alloc);
      if (await stat(dir).catch(() => undefined)) dirs.push(dir);
    }
    return dirs.length > 0 ? new Cgroup(dirs, this.#clock) : undefined;
  }

  /** Ends and removes the cgroups of all other allocs: nobody runs in them by right. */
  async sweep(keep: ReadonlySet<string>): Promise<void> {
    for (const { mount } of await this.#detect()) {
      const parent = join(mount, ...this.#path);
      const entries = await readdir(parent, { withFileTypes: true }).catch(() => []); // never made
      for (const entry of entries) {
        if (!entry.isDirectory() || keep.has(entry.name)) continue;
        const cgroup = new Cgroup([join(parent, entry.name)], this.#clock);
        cgroup.kill();
        await cgroup.remove();
      }
      if (keep.size === 0) await this.#removeParents(mount);
    }
  }

  /** Removes what is empty. */
  async close(): Promise<void> {
    for (const { mount } of (await this.#hierarchies) ?? []) await this.#removeParents(mount);
  }

  async #removeParents(mount: string): Promise<void> {
    for (let depth = this.#path.length; depth > 0; depth--) {
      await rmdir(join(mount, ...this.#path.slice(0, depth))).catch(() => {}); // in use, or not there
    }
  }

  async #make(hierarchy: Hierarchy, alloc: string, settings: Setting[]): Promise<string> {
    const dir = join(hierarchy.mount, ...this.#path, alloc);
    await mkdir(dir, { recursive: true });
    if (hierarchy.version === 2 && settings.length > 0) {
      const enable = [...hierarchy.controllers].map((controller) => `+${controller}`).join(' ');
      for (let depth = 0; depth <= this.#path.length; depth++) {
        const parent = join(hierarchy.mount, ...this.#path.slice(0, depth));
        await writeFile(join(parent, 'cgroup.subtree_control'), enable);
      }
    }
    for (const { file, value, isOptional } of settings) {
      const written = writeFile(join(dir, file), value);
      await (isOptional ? written.catch(() => {}) : written); // swap accounting is not on everywhere
    }
    return dir;
  }

  #tell(cause: unknown): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#log.info(
      { err: cause },
      'resource limits are not enforced: this machine or user has no cgroups for them',
    );
  }

  #detect(): Promise<readonly Hierarchy[]> {
    this.#hierarchies ??= detectHierarchies();
    return this.#hierarchies;
  }
}

/** One workload's cgroup: one directory, or one a hierarchy in version 1. */
export class Cgroup {
  readonly #dirs: readonly string[];
  readonly #clock: Clock;

  constructor(dirs: readonly string[], clock: Clock) {
    this.#dirs = dirs;
    this.#clock = clock;
  }

  async add(pid: number): Promise<void> {
    for (const dir of this.#dirs) await writeFile(join(dir, 'cgroup.procs'), String(pid));
  }

  /** Kills every process in it, also those that left the process group. Synchronous, like the signal it goes with. */
  kill(): void {
    for (const dir of this.#dirs) {
      try {
        writeFileSync(join(dir, 'cgroup.kill'), '1', { flag: 'r+' });
      } catch {
        killMembers(dir); // version 1 has no such file
      }
    }
  }

  /** Absence is success. One that stays busy is left to the next agent's sweep. */
  async remove(): Promise<void> {
    for (const dir of this.#dirs) {
      for (const pauseMs of RMDIR_RETRIES_MS) {
        const error = await rmdir(dir).then(
          () => undefined,
          (cause: NodeJS.ErrnoException) => cause,
        );
        if (!error || error.code === 'ENOENT') break;
        await sleep(this.#clock, pauseMs);
      }
    }
  }
}

interface Setting {
  readonly file: string;
  readonly value: string;
  readonly isOptional?: boolean;
}

function settingsOf({ version, controllers }: Hierarchy, resources: WorkloadSpec['resources']): Setting[] {
  const { memoryBytes, cpuMillis } = resources;
  const settings: Setting[] = [];
  if (memoryBytes !== undefined && controllers.has('memory')) {
    const value = String(memoryBytes);
    if (version === 1) settings.push({ file: 'memory.limit_in_bytes', value });
    else
      settings.push({ file: 'memory.max', value }, { file: 'memory.swap.max', value: '0', isOptional: true });
  }
  if (cpuMillis !== undefined && controllers.has('cpu')) {
    const quotaUs = Math.max(MIN_CPU_QUOTA_US, Math.round((cpuMillis / 1000) * CPU_PERIOD_US));
    if (version === 2) settings.push({ file: 'cpu.max', value: `${quotaUs} ${CPU_PERIOD_US}` });
    else {
      settings.push({ file: 'cpu.cfs_period_us', value: String(CPU_PERIOD_US) });
      settings.push({ file: 'cpu.cfs_quota_us', value: String(quotaUs) });
    }
  }
  return settings;
}

async function detectHierarchies(): Promise<Hierarchy[]> {
  const hierarchies: Hierarchy[] = [];
  const wanted = ['memory', 'cpu'];
  for (const line of (await readFile('/proc/mounts', 'utf8')).split('\n')) {
    const [, mount = '', type, options = ''] = line.split(' ');
    if (type !== 'cgroup' && type !== 'cgroup2') continue;
    const version = type === 'cgroup' ? 1 : 2;
    const listed =
      version === 1
        ? options.split(',')
        : (await readFile(join(mount, 'cgroup.controllers'), 'utf8').catch(() => '')).trim().split(' ');
    const controllers = new Set(wanted.filter((controller) => listed.includes(controller)));
    if (version === 2 || controllers.size > 0) hierarchies.push({ mount, version, controllers });
  }
  return hierarchies;
}

function killMembers(dir: string): void {
  let pids: string;
  try {
    pids = readFileSync(join(dir, 'cgroup.procs'), 'utf8');
  } catch {
    return; // the cgroup is gone, and so is what was in it
  }
  for (const pid of pids.split('\n').filter(Boolean)) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It ended by itself since it was listed.
    }
  }
}
