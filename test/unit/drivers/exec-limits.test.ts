/** Limits of resources, where this machine and user may set them. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../../../api/clock.ts';
import { type Log, silentLog } from '../../../api/log.ts';
import { Cgroups } from '../../../runtime/drivers/exec/cgroup.ts';
import { createExecDriver } from '../../../runtime/drivers/exec/driver.ts';
import type { WorkloadDriver } from '../../../runtime/drivers/workload.ts';

const MEMORY_BYTES = 64 * 1024 * 1024;

describe('exec driver, with limits of resources', () => {
  let dir: string;
  let driver: WorkloadDriver;
  let said: string[];
  const log: Log = { ...silentLog, info: (_fields, message) => void said.push(message), child: () => log };
  const start = (command: string[], resources: object, onAgentDeath: 'die' | 'survive' = 'survive') =>
    driver.start({
      alloc: 'web-1',
      command,
      env: { PATH: process.env.PATH ?? '' },
      volumes: [],
      resources,
      onAgentDeath,
    });
  const output = async () => {
    let text = '';
    for await (const chunk of driver.logs('web-1', {})) text += chunk.toString();
    return text;
  };

  beforeEach(async () => {
    said = [];
    dir = await mkdtemp(join(tmpdir(), 'mill-limits-'));
    driver = createExecDriver({ dir, clock: systemClock, log, node: 'node-1' });
  });
  afterEach(async () => {
    await driver.close();
    await rm(dir, { recursive: true, force: true });
  });

  it('runs the workload all the same where there are none, and says so once', async () => {
    await (await start(['true'], { memoryBytes: MEMORY_BYTES, cpuMillis: 500 })).exited;
    const workload = await start(['true'], { memoryBytes: MEMORY_BYTES, cpuMillis: 500 });
    expect(await workload.exited).to.deep.equal({ exitCode: 0 });
    expect(said.length).to.be.at.most(1);
  });

  it('puts the process into its cgroup before the command runs, and removes the cgroup after', async function () {
    if (!(await hasMemoryLimits(dir))) this.skip();
    const workload = await start(['cat', '/proc/self/cgroup'], { memoryBytes: MEMORY_BYTES }, 'die');
    await workload.exited;
    const lines = (await output()).split('\n');
    const own = lines.flatMap((line) => /\/mill\/[0-9a-f]{16}\/web-1$/.exec(line) ?? []);
    expect(own).not.to.have.length(0);
    const roots = ['/sys/fs/cgroup', '/sys/fs/cgroup/memory', '/sys/fs/cgroup/unified'];
    for (const root of roots) expect(existsSync(`${root}${own[0]}`)).to.equal(false);
  });

  it('has the kernel end a workload that takes too much memory', async function () {
    if (!(await hasMemoryLimits(dir))) this.skip();
    const hog = 'const held = []; for (;;) held.push(Buffer.alloc(4 << 20, 1));';
    const workload = await start([process.execPath, '-e', hog], { memoryBytes: MEMORY_BYTES });
    expect(await workload.exited).to.deep.equal({ signal: 'SIGKILL' });
  });

  it('ends what left the process group', async function () {
    if (!(await hasMemoryLimits(dir))) this.skip();
    const script = "setsid sh -c 'echo $$; exec sleep 60' & while [ ! -s output.log ]; do sleep 0.01; done";
    const workload = await start(['sh', '-c', script], { memoryBytes: MEMORY_BYTES });
    await workload.exited;
    const pid = Number((await output()).trim());
    expect(pid).to.be.greaterThan(1);
    expect(stateOf(pid)).to.be.oneOf(['gone', 'Z', 'X']);
  });

  it('ends what left the process group of a workload without limits', async function () {
    if (!(await hasMemoryLimits(dir))) this.skip();
    const script = "setsid sh -c 'echo $$; exec sleep 60' & while [ ! -s output.log ]; do sleep 0.01; done";
    const workload = await start(['sh', '-c', script], {});
    await workload.exited;
    expect(stateOf(Number((await output()).trim()))).to.be.oneOf(['gone', 'Z', 'X']);
  });

  it('removes the cgroups that an earlier agent left', async function () {
    if (!(await hasMemoryLimits(dir))) this.skip();
    const cgroups = new Cgroups({ owner: dir, clock: systemClock, log });
    await cgroups.create('left-1', { memoryBytes: MEMORY_BYTES });
    expect(await cgroups.find('left-1')).not.to.equal(undefined);
    await driver.recover();
    expect(await cgroups.find('left-1')).to.equal(undefined);
  });
});

async function hasMemoryLimits(owner: string): Promise<boolean> {
  if (!existsSync('/sys/fs/cgroup') || (await readdir('/sys/fs/cgroup')).length === 0) return false;
  const told: string[] = [];
  const log = { ...silentLog, info: (_fields: object, message: string) => void told.push(message) };
  const cgroups = new Cgroups({ owner: `${owner}-trial`, clock: systemClock, log });
  const cgroup = await cgroups.create('trial', { memoryBytes: MEMORY_BYTES });
  await cgroup?.remove();
  await cgroups.close();
  return told.length === 0;
}

function stateOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0] ?? '';
  } catch {
    return 'gone';
  }
}
