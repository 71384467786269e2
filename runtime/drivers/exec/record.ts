/** What the exec driver keeps on disk of each workload, so that the next agent knows what this one left. */
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkloadExit, WorkloadSpec } from '../workload.ts';

/** One process, for good: the pid alone is used again. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: string;
}

export interface WorkloadRecord {
  readonly alloc: string;
  /** Random, and in the process's environment: finds a process whose pid no agent lived to write down. */
  readonly id: string;
  readonly bootId: string;
  readonly onAgentDeath: WorkloadSpec['onAgentDeath'];
  /** Absent: it was about to be started. */
  readonly process?: ProcessIdentity;
  /** The end, where an agent saw it. */
  readonly exit?: WorkloadExit;
}

/**
 * One file an alloc. A record is replaced by rename, so a killed agent leaves the old or the new one, never half.
 * There is no fsync: what a power cut takes with the record, the process, it takes too, and the boot id tells.
 */
export class WorkloadRecords {
  readonly #dir: string;
  readonly #scratch: string;
  #ready: Promise<unknown> | undefined;
  #writes = 0;
  /** The last write of each alloc: writes of one alloc land in the order in which they were asked for. */
  readonly #pending = new Map<string, Promise<void>>();

  constructor(dir: string) {
    this.#dir = join(dir, 'records');
    this.#scratch = join(dir, 'records.new');
  }

  write(record: WorkloadRecord): Promise<void> {
    return this.#inOrder(record.alloc, async () => {
      await this.#prepare();
      this.#writes += 1;
      const fresh = join(this.#scratch, String(this.#writes));
      await writeFile(fresh, JSON.stringify(record));
      await rename(fresh, join(this.#dir, record.alloc));
    });
  }

  /** Absence is success. */
  delete(alloc: string): Promise<void> {
    return this.#inOrder(alloc, () => rm(join(this.#dir, alloc), { force: true }));
  }

  /** All records; one that cannot be read (a power cut can empty it) comes back as the bare name of its alloc. */
  async list(): Promise<(WorkloadRecord | string)[]> {
    await this.#prepare();
    const allocs = await readdir(this.#dir);
    return Promise.all(
      allocs.map(async (alloc) => parseRecord(await readFile(join(this.#dir, alloc), 'utf8')) ?? alloc),
    );
  }

  /** Resolves when everything asked for so far is on disk, or failed and was told so. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#pending.values());
  }

  #prepare(): Promise<unknown> {
    this.#ready ??= Promise.all([
      mkdir(this.#dir, { recursive: true }),
      // Whatever is in there is what a killed agent did not finish.
      rm(this.#scratch, { recursive: true, force: true }).then(() =>
        mkdir(this.#scratch, { recursive: true }),
      ),
    ]);
    return this.#ready;
  }

  #inOrder(alloc: string, work: () => Promise<void>): Promise<void> {
    const before = this.#pending.get(alloc) ?? Promise.resolve();
    const now = before.then(work, work);
    this.#pending.set(alloc, now);
    const forget = () => {
      if (this.#pending.get(alloc) === now) this.#pending.delete(alloc);
    };
    now.then(forget, forget);
    return now;
  }
}

function parseRecord(text: string): WorkloadRecord | undefined {
  try {
    const record: Partial<WorkloadRecord> = JSON.parse(text);
    const whole = record.alloc && record.id && record.bootId && record.onAgentDeath;
    return whole ? (record as WorkloadRecord) : undefined;
  } catch {
    return undefined;
  }
}
