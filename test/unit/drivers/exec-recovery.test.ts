/** What an agent that was killed leaves, and what the next one makes of it. The agent is a real process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { sleep, systemClock } from '../../../api/clock.ts';
import { silentLog } from '../../../api/log.ts';
import { createExecDriver } from '../../../runtime/drivers/exec/driver.ts';
import { Guard } from '../../../runtime/drivers/exec/guard.ts';
import { launch } from '../../../runtime/drivers/exec/launch.ts';
import { findMarked, groupLives, readBootId, readStat } from '../../../runtime/drivers/exec/proc.ts';
import type { WorkloadDriver, WorkloadSpec } from '../../../runtime/drivers/workload.ts';

const AGENT = fileURLToPath(new URL('./exec-agent.ts', import.meta.url));
const env = { PATH: process.env.PATH ?? '' };

describe('exec driver, when its agent dies', () => {
  let dir: string;
  let driver: WorkloadDriver;
  const groups = new Set<number>();
  const children: ChildProcess[] = [];

  const spec = (alloc: string, more: Partial<WorkloadSpec> = {}): WorkloadSpec => ({
    alloc,
    command: ['sleep', '60'],
    env,
    volumes: [],
    resources: {},
    onAgentDeath: 'survive',
    ...more,
  });
  const newDriver = () => createExecDriver({ dir, clock: systemClock, log: silentLog, node: 'node-1' });
  const runAgent = async (specs: WorkloadSpec[]) => {
    const agent = spawn(process.execPath, ['--import', 'tsx', AGENT, dir], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    children.push(agent);
    agent.stdin.end(JSON.stringify(specs));
    const [line] = await once(createInterface(agent.stdout), 'line');
    const pids: Record<string, number> = JSON.parse(line);
    for (const pid of Object.values(pids)) groups.add(pid);
    const kill = async () => {
      agent.kill('SIGKILL');
      await once(agent, 'exit');
    };
    return { pidOf: (alloc: string) => pids[alloc] ?? 0, kill };
  };
  const plantRecord = async (alloc: string, record: object) => {
    await mkdir(join(dir, 'records'), { recursive: true });
    const whole = { alloc, id: `id-${dir}`, bootId: readBootId(), onAgentDeath: 'survive', ...record };
    await writeFile(join(dir, 'records', alloc), JSON.stringify(whole));
  };
  const spawnMarked = (command: string[]) => {
    const [name = '', ...parameters] = command;
    const marked = { ...env, MILL_WORKLOAD_ID: `id-${dir}` };
    const child = spawn(name, parameters, { detached: true, stdio: 'ignore', env: marked });
    children.push(child);
    const pid = child.pid ?? 0;
    groups.add(pid);
    return { child, pid };
  };

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'mill-exec-'));
    driver = newDriver();
  });
  afterEach(async () => {
    await driver.close();
    for (const child of children.splice(0)) child.kill('SIGKILL');
    for (const pid of groups) if (await groupLives(pid)) process.kill(-pid, 'SIGKILL');
    groups.clear();
    await rm(dir, { recursive: true, force: true });
  });

  it('adopts the survivors, sees their end, and stops them', async () => {
    const agent = await runAgent([
      spec('web-1'),
      spec('web-2', { command: ['sh', '-c', 'echo up; exec sleep 60'] }),
    ]);
    await agent.kill();
    const adopted = await driver.recover();
    expect(adopted.map(({ alloc, pid, gone }) => ({ alloc, pid, gone }))).to.have.deep.members([
      { alloc: 'web-1', pid: agent.pidOf('web-1'), gone: false },
      { alloc: 'web-2', pid: agent.pidOf('web-2'), gone: false },
    ]);
    const [first, second] = adopted;
    if (!first || !second) throw new Error('unreachable: two were adopted');
    process.kill(first.pid, 'SIGKILL');
    expect(await first.exited).to.deep.equal({});
    expect(await second.stop(60_000)).to.deep.equal({});
    expect(await groupLives(second.pid)).to.equal(false);
  });

  it('ends the writers of volumes at once, and leaves the others', async () => {
    const agent = await runAgent([
      spec('web-1'),
      spec('db-1', {
        onAgentDeath: 'die',
        command: ['sh', '-c', 'trap "" TERM HUP INT; sleep 60 & wait; sleep 60'],
      }),
      spec('db-2', { onAgentDeath: 'die' }),
    ]);
    expect(readStat(agent.pidOf('db-1'))?.state).to.not.equal(undefined);
    await agent.kill();
    // No driver is there: it is the guard that ends them.
    for (const alloc of ['db-1', 'db-2']) {
      while (await groupLives(agent.pidOf(alloc))) await sleep(systemClock, 5);
    }
    expect(await groupLives(agent.pidOf('web-1'))).to.equal(true);
    const found = await driver.recover();
    expect(Object.fromEntries(found.map(({ alloc, gone }) => [alloc, gone]))).to.deep.equal({
      'web-1': false,
      'db-1': true,
      'db-2': true,
    });
  });

  it('ends a writer that lost its agent and its guard', async () => {
    const { child, pid } = spawnMarked(['sleep', '60']);
    const process = { pid, startTime: readStat(pid)?.startTime };
    await plantRecord('db-1', { process, onAgentDeath: 'die' });
    const ended = once(child, 'exit');
    const [workload] = await driver.recover();
    expect(workload?.gone).to.equal(true);
    expect(await ended).to.deep.equal([null, 'SIGKILL']);
  });

  it('adopts the writers of an agent that closed', async () => {
    const writer = await driver.start(spec('db-1', { onAgentDeath: 'die' }));
    groups.add(writer.pid);
    await driver.close();
    driver = newDriver();
    const [adopted] = await driver.recover();
    expect(adopted?.gone).to.equal(false);
    await adopted?.stop(0);
    expect(await readdir(dir)).not.to.include('let-go');
  });

  it('does not run the command of a writer whose agent died while it started', async () => {
    const output = await open(join(dir, 'output'), 'w+');
    const { child } = await launch({
      command: ['echo', 'ran'],
      env,
      cwd: dir,
      output: output.fd,
      held: true,
    });
    const ended = once(child, 'exit');
    child.stdio[3]?.destroy(); // what the kernel does to a dead agent's descriptors
    expect(await ended).to.deep.equal([125, null]);
    expect((await output.stat()).size).to.equal(0);
    await output.close();
  });

  it('finds a process that was started and never written down', async () => {
    const { pid } = spawnMarked(['sleep', '60']);
    await plantRecord('web-1', {});
    const [workload] = await driver.recover();
    expect(workload).to.include({ alloc: 'web-1', pid, gone: false });
    const record = JSON.parse(await readFile(join(dir, 'records', 'web-1'), 'utf8'));
    expect(record.process).to.deep.equal({ pid, startTime: readStat(pid)?.startTime });
    await workload?.stop(0);
  });

  it('takes a workload that was never started for gone', async () => {
    await plantRecord('web-1', {});
    const [workload] = await driver.recover();
    expect(workload).to.include({ alloc: 'web-1', pid: 0, gone: true });
  });

  it('does not take another process of the same pid for the workload', async () => {
    const { pid } = spawnMarked(['sleep', '60']);
    await plantRecord('web-1', { id: 'another', process: { pid, startTime: '1' } });
    const { pid: other } = spawnMarked(['sleep', '60']);
    const before = { pid: other, startTime: readStat(other)?.startTime };
    await plantRecord('web-2', { bootId: 'an earlier one', process: before });
    const found = await driver.recover();
    expect(found.map(({ gone }) => gone)).to.deep.equal([true, true]);
    expect([await groupLives(pid), await groupLives(other)]).to.deep.equal([true, true]);
  });

  it('ends what is left of a workload whose first process is gone', async () => {
    const { child, pid } = spawnMarked(['sh', '-c', 'sleep 60 & exit 0']);
    await once(child, 'exit');
    expect(await groupLives(pid)).to.equal(true);
    await plantRecord('web-1', { process: { pid, startTime: '1' } });
    const [workload] = await driver.recover();
    expect(workload?.gone).to.equal(true);
    expect(await groupLives(pid)).to.equal(false);
  });

  it('keeps the exit code over a restart, and takes an unreadable record for a workload that is gone', async () => {
    await (await driver.start(spec('web-1', { command: ['sh', '-c', 'exit 4'] }))).exited;
    await driver.close();
    await writeFile(join(dir, 'records', 'web-2'), '');
    driver = newDriver();
    const found = await driver.recover();
    const exits = await Promise.all(found.map(async ({ alloc, exited }) => [alloc, await exited]));
    expect(Object.fromEntries(exits)).to.deep.equal({ 'web-1': { exitCode: 4 }, 'web-2': {} });
  });

  it('marks every process with the id of its record', async () => {
    const workload = await driver.start(spec('web-1'));
    const record = JSON.parse(await readFile(join(dir, 'records', 'web-1'), 'utf8'));
    const marked = await findMarked('MILL_WORKLOAD_ID');
    expect(marked.get(record.id)?.map(({ pid }) => pid)).to.deep.equal([workload.pid]);
    await workload.stop(0);
  });
});

describe('the guard of volume writers', () => {
  const startSleep = () => {
    const child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
    const pid = child.pid ?? 0;
    return { child, identity: { pid, startTime: readStat(pid)?.startTime ?? '' } };
  };

  it('is started again when it is killed, and told all it has to know', async () => {
    const restarted: string[] = [];
    const log = { ...silentLog, warn: (_fields: object, message: string) => void restarted.push(message) };
    const guard = new Guard({ clock: systemClock, log });
    const { child, identity } = startSleep();
    await guard.add(identity);
    const first = guard.pid ?? 0;
    process.kill(first, 'SIGKILL');
    while (guard.pid === first || guard.pid === undefined) await sleep(systemClock, 5);
    expect(restarted).to.have.length(1);
    await guard.add(identity);
    await guard.letGo();
    expect(child.exitCode ?? child.signalCode).to.equal(null);
    child.kill('SIGKILL');
    await once(child, 'exit');
  });

  it('is deaf to the signals that end an agent, and lets go when it is told to', async () => {
    const guard = new Guard({ clock: systemClock, log: silentLog });
    const { child, identity } = startSleep();
    await guard.add(identity);
    const pid = guard.pid ?? 0;
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const) process.kill(pid, signal);
    await guard.add(identity);
    expect(guard.pid).to.equal(pid);
    await guard.letGo();
    expect(await groupLives(pid)).to.equal(false);
    expect(await groupLives(identity.pid)).to.equal(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
});
