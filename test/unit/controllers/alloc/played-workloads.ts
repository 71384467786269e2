/** Processes as a test plays them: they start, and end, when they are let. */
import type { Workload, WorkloadDriver, WorkloadExit } from '../../../../runtime/drivers/workload.ts';

export class PlayedWorkloads implements WorkloadDriver {
  /** `start`, `stop`: what was asked of it. */
  readonly calls: string[] = [];
  /** Processes do not get further than their start. */
  isSlow = false;
  /** Processes do not end when they are told to. */
  isStubborn = false;
  readonly #held = new Set<() => void>();

  async start({ alloc }: { readonly alloc: string }): Promise<Workload> {
    this.calls.push('start');
    if (this.isSlow) await new Promise<void>((resolve) => this.#held.add(resolve));
    return this.running(alloc);
  }

  running(alloc: string): Workload & { exit(): void } {
    let isGone = false;
    let exit = () => {};
    const exited = new Promise<WorkloadExit>((resolve) => {
      exit = () => {
        isGone = true;
        resolve({ exitCode: 0 });
      };
    });
    this.#held.add(exit);
    return {
      alloc,
      pid: 42,
      get gone() {
        return isGone;
      },
      exited,
      exit,
      stop: async () => {
        this.calls.push('stop');
        if (!this.isStubborn) exit();
        return exited;
      },
    };
  }

  /** Lets whatever is held up go on: what starts has started, what should end has ended. */
  letGo(): void {
    this.isSlow = false;
    this.isStubborn = false;
    for (const goOn of this.#held) goOn();
    this.#held.clear();
  }

  async recover(): Promise<readonly Workload[]> {
    return [];
  }
  async *logs(): AsyncIterable<Buffer> {}
  async remove(): Promise<void> {}
  async close(): Promise<void> {}
}
