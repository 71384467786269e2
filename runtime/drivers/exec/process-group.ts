/** A workload's process group, as its parent or as the agent that adopted it: watched to its end, and stopped. */
import type { ChildProcess } from 'node:child_process';
import type { Clock } from '../../../api/clock.ts';
import type { Workload, WorkloadExit } from '../workload.ts';
import type { Cgroup } from './cgroup.ts';
import { groupLives, isDead, readStat, signalGroup } from './proc.ts';
import type { ProcessIdentity } from './record.ts';

/** How often an adopted process is looked at: it is no child of ours, and Node has no pidfd to wait on. */
const ADOPTED_POLL_MS = 250;
/** The same while somebody waits for its end; grows by `POLL_GROWTH` up to `SLOW_POLL_MS`. */
const FAST_POLL_MS = 5;
const SLOW_POLL_MS = 100;
const POLL_GROWTH = 1.5;

export interface ProcessGroupOptions {
  readonly alloc: string;
  readonly process: ProcessIdentity;
  readonly clock: Clock;
  /** Present where this agent started it: its end is an event then, not a poll. */
  readonly child?: ChildProcess;
  readonly cgroup?: Cgroup;
}

export class ProcessGroup implements Workload {
  readonly alloc: string;
  readonly pid: number;
  readonly exited: Promise<WorkloadExit>;
  readonly #identity: ProcessIdentity;
  readonly #clock: Clock;
  readonly #child: ChildProcess | undefined;
  readonly #cgroup: Cgroup | undefined;
  #resolve: (exit: WorkloadExit) => void = () => {};
  #gone = false;
  /** Set once the group's first process ended. */
  #exit: WorkloadExit | undefined;
  /** Absolute time of SIGKILL; set once a stop was asked for. */
  #killAt: number | undefined;
  #cancelKill = () => {};
  #cancelPoll = () => {};
  #pollMs = ADOPTED_POLL_MS;
  #released = false;

  constructor({ alloc, process, clock, child, cgroup }: ProcessGroupOptions) {
    this.alloc = alloc;
    this.pid = process.pid;
    this.#identity = process;
    this.#clock = clock;
    this.#child = child;
    this.#cgroup = cgroup;
    this.exited = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    if (child) child.once('exit', (code, signal) => this.#leaderEnded(exitOf(code, signal)));
    else this.#watchLeader();
  }

  get gone(): boolean {
    return this.#gone;
  }

  stop(graceMs: number): Promise<WorkloadExit> {
    if (this.#gone || this.#released) return this.exited;
    const isFirst = this.#killAt === undefined;
    const killAt = this.#clock.now() + graceMs;
    if (isFirst && graceMs > 0) this.#signal('SIGTERM');
    if (this.#killAt === undefined || killAt < this.#killAt) {
      this.#killAt = killAt;
      this.#cancelKill();
      if (graceMs > 0) this.#cancelKill = this.#clock.schedule(graceMs, () => this.#kill());
      else this.#kill();
    }
    this.#hurry();
    return this.exited;
  }

  /** Lets go without stopping it: no timer is left, and it no longer keeps this process up. */
  release(): void {
    this.#released = true;
    this.#cancelKill();
    this.#cancelPoll();
    this.#child?.unref();
  }

  #watchLeader(): void {
    if (this.#released) return;
    const stat = readStat(this.pid);
    const lives = stat && stat.startTime === this.#identity.startTime && !isDead(stat);
    if (lives) this.#cancelPoll = this.#clock.schedule(this.#nextPollMs(), () => this.#watchLeader());
    else this.#leaderEnded({});
  }

  /**
   * The workload ends with its first process. What that left behind is killed; during a stop it has the rest of
   * the grace (a shell dies of SIGTERM at once, and its server may be finishing requests).
   */
  #leaderEnded(exit: WorkloadExit): void {
    this.#exit = exit;
    if (!this.#cgroup && !signalGroup(this.pid, 0)) {
      this.#finish();
    } else if (!this.#released) {
      if (this.#killAt === undefined) this.#kill();
      this.#pollMs = FAST_POLL_MS;
      void this.#watchGroup();
    }
  }

  async #watchGroup(): Promise<void> {
    if (this.#released) return;
    const lives = (await groupLives(this.pid)) && !this.#isTakenOver();
    if (!lives) {
      this.#cgroup?.kill(); // what left the group (setsid) is still in the cgroup
      await this.#cgroup?.remove();
      return this.#finish();
    }
    this.#cancelPoll = this.#clock.schedule(this.#nextPollMs(), () => void this.#watchGroup());
  }

  #finish(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#cancelKill();
    this.#cancelPoll();
    this.#resolve(this.#exit ?? {});
  }

  #kill(): void {
    this.#signal('SIGKILL');
    this.#cgroup?.kill();
    this.#hurry();
  }

  #signal(signal: NodeJS.Signals): void {
    if (!this.#isTakenOver()) signalGroup(this.pid, signal);
  }

  /** A process group's number is free only when the group is gone: a new process of that pid says that it is. */
  #isTakenOver(): boolean {
    const stat = readStat(this.pid);
    return stat !== undefined && stat.startTime !== this.#identity.startTime;
  }

  #hurry(): void {
    this.#pollMs = FAST_POLL_MS;
    if (this.#child || this.#exit) return; // an event tells, or the group's own watch runs
    this.#cancelPoll();
    this.#cancelPoll = this.#clock.schedule(this.#nextPollMs(), () => this.#watchLeader());
  }

  #nextPollMs(): number {
    const now = this.#pollMs;
    if (now < SLOW_POLL_MS) this.#pollMs = Math.min(SLOW_POLL_MS, now * POLL_GROWTH);
    return now;
  }
}

/** A workload that was over before this agent looked. */
export function goneWorkload(alloc: string, pid: number, exit: WorkloadExit): Workload {
  const exited = Promise.resolve(exit);
  return { alloc, pid, gone: true, exited, stop: () => exited };
}

function exitOf(code: number | null, signal: NodeJS.Signals | null): WorkloadExit {
  return { ...(code !== null && { exitCode: code }), ...(signal !== null && { signal }) };
}
