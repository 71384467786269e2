/** Runs the roles that this server leads, each by one term at a time: the next begins when the last has ended. */
import type { Log } from '../../api/log.ts';

export interface RunningRole {
  /** Resolves when it does nothing any more. */
  stop(): Promise<void>;
}

export interface Role {
  readonly name: string;
  /**
   * Absent: to hold it is all there is to do.
   * @param term what its commits carry; absent where it runs outside of any leadership
   */
  readonly start?: (term?: number) => RunningRole;
}

interface Run {
  readonly term: number;
  readonly running: RunningRole | undefined;
  stopped: Promise<void> | undefined;
}

export class RoleRunner {
  readonly #roles: ReadonlyMap<string, Role>;
  readonly #log: Log;
  readonly #onStopped: () => void;
  readonly #runs = new Map<string, Run>();

  /** @param onStopped a role has ended: it may be wanted again */
  constructor(roles: readonly Role[], log: Log, onStopped: () => void) {
    this.#roles = new Map(roles.map((role) => [role.name, role]));
    this.#log = log;
    this.#onStopped = onStopped;
  }

  /** Roles that run, in the order in which they began. */
  get running(): readonly string[] {
    return [...this.#runs].filter(([, run]) => !run.stopped).map(([name]) => name);
  }

  /** Brings a role to the term by which it should run; undefined: not at all. */
  want(name: string, term: number | undefined): void {
    const run = this.#runs.get(name);
    if (run && run.term !== term) void this.stop(name);
    else if (!run && term !== undefined) {
      this.#log.debug({ role: name, term }, 'role begins');
      this.#runs.set(name, { term, running: this.#roles.get(name)?.start?.(term), stopped: undefined });
    }
  }

  /** Resolves when it has ended; at once where it does not run. */
  async stop(name: string): Promise<void> {
    const run = this.#runs.get(name);
    if (!run) return;
    run.stopped ??= this.#stop(name, run);
    await run.stopped;
  }

  async #stop(name: string, { term, running }: Run): Promise<void> {
    this.#log.debug({ role: name, term }, 'role ends');
    await running?.stop();
    this.#runs.delete(name);
    this.#onStopped();
  }
}
