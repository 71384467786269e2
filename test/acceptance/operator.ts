/** The operator of a cluster of processes, with the commands that a user types. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Cluster } from '../../hack/cluster/cluster.ts';
import { collect, ROOT } from './mill.ts';

export class Operator {
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Starts a mill command without waiting for it. */
  start(...words: string[]): ChildProcess {
    const env = { ...process.env, ...this.#cluster.env, NO_COLOR: '1' };
    return spawn(process.execPath, [join(ROOT, 'dist/main.js'), ...words], { env });
  }

  /** Runs a mill command that must succeed. @returns what it said */
  async ok(words: readonly string[], input = ''): Promise<string> {
    const child = this.start(...words);
    child.stdin?.end(input);
    const { code, stdout, stderr } = await collect(child);
    expect(code, `mill ${words.join(' ')}: ${stdout}${stderr}`).to.equal(0);
    return stdout;
  }

  /** Waits until services have all their replicas. */
  async available(...services: readonly string[]): Promise<void> {
    for (const service of services) {
      await this.ok(['wait', `service/${service}`, '--for', 'condition=Available', '--timeout', '60s']);
    }
  }
}
