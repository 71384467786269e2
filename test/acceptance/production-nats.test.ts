/** The mill servers run on NATS as `manifests/nats/` has it, with the options that its README says. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { stringify } from 'yaml';
import { type Cluster, startCluster } from '../../hack/cluster/cluster.ts';
import { natsDir, needsNats, needsProgram } from '../vocabulary/nats.ts';
import { web } from './fleet.ts';
import { collect, type Outcome, ROOT } from './mill.ts';

describe('mill servers on NATS with TLS and users', function () {
  this.timeout(180_000);
  let cluster: Cluster;
  let dir: string;

  before(async function () {
    needsProgram(this, 'openssl');
    await needsNats(this, 'current');
    dir = await natsDir();
    cluster = await startCluster({ dir, agents: 2, production: true });
  });
  after(async () => {
    await cluster?.close();
    await rm(dir, { recursive: true, force: true });
  });

  function mill(words: readonly string[], input = '', env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
    const child = spawn(process.execPath, [join(ROOT, 'dist/main.js'), ...words], {
      env: { ...process.env, ...cluster.env, ...env },
    });
    child.stdin.end(input);
    return collect(child);
  }

  it('run services, and are refused nothing by NATS', async () => {
    expect((await mill(['apply', '-f', '-'], stringify(web('web', { replicas: 2 })))).code).to.equal(0);
    const waited = await mill(['wait', 'service/web', '--for', 'condition=Available', '--timeout', '60s']);
    expect(waited.code, waited.stderr).to.equal(0);
    for (const { logFile } of cluster.servers) {
      expect(readFileSync(logFile, 'utf8')).to.not.match(/NATS refuses|permissions violation/i);
    }
  });

  it('say in a line that NATS refuses a wrong password, and do not start', async () => {
    const { nats } = cluster;
    const options = [
      '--nats',
      nats.urls.join(','),
      '--nats-user',
      'mill',
      '--nats-ca',
      nats.production.caFile,
    ];
    const another = ['--nats-password-file', join(nats.dir, 'mill-reader.password')];
    const words = [
      'server',
      '--data',
      join(dir, 'refused'),
      '--listen',
      '127.0.0.1:0',
      ...options,
      ...another,
    ];
    const { code, stdout, stderr } = await mill(words);
    expect({ code, stdout }).to.deep.equal({ code: 1, stdout: '' });
    expect(stderr).to.match(/NATS cannot be reached at .*: .*authorization/i);
  });
});
