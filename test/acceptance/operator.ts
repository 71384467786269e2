/** The operator of a cluster of processes: its commands as a user types them, and a client for what has to be looked at closely. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'chai';
import { readContext } from '../../api/cli/context.ts';
import { createHttpClient, type HttpClient } from '../../api/client/http.ts';
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

  /** A client of all servers; it is the caller's to close. */
  async client(): Promise<HttpClient> {
    const { urls, env } = this.#cluster;
    const [first = ''] = urls;
    const context = await readContext(first, env);
    if (!context) throw new Error(`${first} has written no context`);
    return createHttpClient({ ...context, server: urls });
  }
}
