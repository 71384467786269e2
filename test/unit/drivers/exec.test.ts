/** The exec driver with real processes: starting, ending, groups, volumes. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../../../api/clock.ts';
import { silentLog } from '../../../api/log.ts';
import { createExecDriver } from '../../../runtime/drivers/exec/driver.ts';
import { groupLives } from '../../../runtime/drivers/exec/proc.ts';
import type { Workload, WorkloadDriver, WorkloadSpec } from '../../../runtime/drivers/workload.ts';

const PATH = process.env.PATH ?? '';
/** Long enough that a test which waits for it fails by its own timeout. */
const LONG_GRACE_MS = 60_000;

describe('exec driver', () => {
  let dir: string;
  let driver: WorkloadDriver;
  let started: Workload[];

  const spec = (command: readonly string[], more: Partial<WorkloadSpec> = {}): WorkloadSpec => ({
    alloc: 'web-1',
    command,
    env: { PATH },
    volumes: [],
    resources: {},
    onAgentDeath: 'survive',
    ...more,
  });
  const start = async (command: readonly string[], more: Partial<WorkloadSpec> = {}) => {
    const workload = await driver.start(spec(command, more));
    started.push(workload);
    return workload;
  };
  const failure = (work: Promise<unknown>) =>
    work.then(
      () => 'it succeeded',
      (error: Error) => error.message,
    );
  /** Waits for the workload's first line, and gives it back. */
  const firstLine = async (alloc = 'web-1') => {
    let text = '';
    for await (const chunk of driver.logs(alloc, { follow: true })) {
      text += chunk.toString();
      if (text.includes('\n')) break;
    }
    return text.split('\n')[0] ?? '';
  };
  const output = async (options = {}, alloc = 'web-1') => {
    const chunks: Buffer[] = [];
    for await (const chunk of driver.logs(alloc, options)) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  };

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'mill-exec-'));
    driver = createExecDriver({ dir, clock: systemClock, log: silentLog, node: 'node-1' });
    started = [];
  });
  afterEach(async () => {
    await Promise.all(started.map((workload) => workload.stop(0)));
    await driver.close();
    await rm(dir, { recursive: true, force: true });
  });

  it('reports the exit code', async () => {
    const workload = await start(['sh', '-c', 'exit 3']);
    expect(await workload.exited).to.deep.equal({ exitCode: 3 });
    expect(workload.gone).to.equal(true);
  });

  it('reports the signal it died of', async () => {
    const workload = await start(['sh', '-c', 'kill -KILL $$']);
    expect(await workload.exited).to.deep.equal({ signal: 'SIGKILL' });
  });

  it('runs in the directory of the alloc, with its environment alone and no input', async () => {
    const workload = await start(['sh', '-c', 'pwd; env; cat'], { env: { PATH, PORT: '8080' } });
    await workload.exited;
    const lines = (await output()).trim().split('\n');
    expect(lines[0]).to.equal(join(dir, 'allocs', 'web-1'));
    const names = lines.slice(1).map((line) => line.split('=')[0]);
    expect(names).to.include.members(['PATH', 'PORT', 'MILL_WORKLOAD_ID']);
    expect(names).not.to.include('HOME');
  });

  it('finds the command in the PATH that the workload has', async () => {
    const bin = join(dir, 'bin');
    await mkdir(bin);
    await writeFile(join(bin, 'greet'), '#!/bin/sh\necho hello\n', { mode: 0o755 });
    expect(await failure(start(['greet']))).to.equal('cannot start "greet": no such command');
    const workload = await start(['greet'], { env: { PATH: bin } });
    await workload.exited;
    expect(await output()).to.equal('hello\n');
  });

  it('says in one line why a process cannot be started', async () => {
    await writeFile(join(dir, 'plain'), 'text');
    expect(await failure(start([]))).to.equal('cannot start: the command is empty');
    expect(await failure(start(['/nowhere/foo']))).to.equal('cannot start "/nowhere/foo": no such command');
    expect(await failure(start([join(dir, 'plain')]))).to.match(/plain": it is not executable$/);
    expect(await failure(start(['sh', 'x'.repeat(3_000_000)]))).to.match(/^cannot start "sh": .*too long$/);
    expect(await failure(start(['foo'], { onAgentDeath: 'die' }))).to.equal(
      'cannot start "foo": no such command',
    );
    expect(await driver.recover()).to.deep.equal([]);
  });

  it('refuses a second workload of an alloc while the first one runs, and takes it afterwards', async () => {
    const workload = await start(['sleep', '60']);
    expect(await failure(start(['sleep', '60']))).to.equal('alloc "web-1" already runs');
    await workload.stop(0);
    const next = await start(['true']);
    expect(await next.exited).to.deep.equal({ exitCode: 0 });
  });

  it('refuses an alloc whose name is a path', async () => {
    for (const alloc of ['../x', '..', 'a/b', '.hidden', 'A', '']) {
      expect(await failure(start(['true'], { alloc })), alloc).to.match(/is not a DNS name$/);
      expect(await failure(driver.remove(alloc)), alloc).to.match(/is not a DNS name$/);
    }
  });

  it('stops a process by SIGTERM, and lets it say its exit code', async () => {
    const script =
      'process.on("SIGTERM", () => process.exit(7)); setInterval(() => {}, 1000); console.log("up")';
    const workload = await start(['node', '-e', script]);
    await firstLine();
    expect(await workload.stop(LONG_GRACE_MS)).to.deep.equal({ exitCode: 7 });
    expect(await workload.stop(LONG_GRACE_MS)).to.deep.equal({ exitCode: 7 });
  });

  it('kills a process that ignores SIGTERM after its grace', async () => {
    const workload = await start(['sh', '-c', 'trap "" TERM; echo up; while :; do sleep 60; done']);
    await firstLine();
    expect(await workload.stop(20)).to.deep.equal({ signal: 'SIGKILL' });
  });

  it('lets a second call of stop shorten the grace', async () => {
    const workload = await start(['sh', '-c', 'trap "" TERM; echo up; while :; do sleep 60; done']);
    await firstLine();
    const stopped = workload.stop(LONG_GRACE_MS);
    await workload.stop(1);
    expect(await stopped).to.deep.equal({ signal: 'SIGKILL' });
  });

  it('ends the whole group: grandchildren that ignore SIGTERM, too', async () => {
    const workload = await start(['sh', '-c', '(trap "" TERM; echo up; exec sleep 60) & wait']);
    await firstLine();
    await workload.stop(20);
    expect(await groupLives(workload.pid)).to.equal(false);
  });

  it('gives a child that outlives its shell the rest of the grace', async () => {
    const script =
      'process.on("SIGTERM", () => setTimeout(() => { console.log("done"); process.exit() }, 30));';
    const keep = 'setInterval(() => {}, 1000); console.log("up")';
    const workload = await start(['sh', '-c', `node -e '${script}${keep}' & wait`]);
    await firstLine();
    await workload.stop(LONG_GRACE_MS);
    expect(await output()).to.equal('up\ndone\n');
  });

  it('ends what a process leaves behind when it exits by itself', async () => {
    const workload = await start(['sh', '-c', 'sleep 60 & exit 5']);
    expect(await workload.exited).to.deep.equal({ exitCode: 5 });
    expect(await groupLives(workload.pid)).to.equal(false);
  });

  it('places volumes in the directory of the alloc', async () => {
    const source = join(dir, 'volume');
    await mkdir(source);
    const volumes = [{ name: 'data', path: '/var/lib/data', source }];
    const command = ['sh', '-c', 'echo row >> var/lib/data/rows'];
    for (let run = 0; run < 2; run++) await (await start(command, { volumes })).exited;
    expect(await readFile(join(source, 'rows'), 'utf8')).to.equal('row\nrow\n');
    await driver.remove('web-1');
    expect(existsSync(join(source, 'rows'))).to.equal(true);
  });

  it('refuses volume paths that lead out of the directory of the alloc', async () => {
    const at = (path: string) => start(['true'], { volumes: [{ name: 'data', path, source: dir }] });
    expect(await failure(at('../../x'))).to.match(/not inside the directory/);
    expect(await failure(at('/'))).to.match(/not inside the directory/);
    await symlink(dir, join(dir, 'allocs', 'web-1', 'sly'));
    expect(await failure(at('sly/x'))).to.match(/leads out of the directory/);
    expect(existsSync(join(dir, 'x'))).to.equal(false);
    await mkdir(join(dir, 'allocs', 'web-1', 'taken'));
    expect(await failure(at('taken'))).to.match(/"taken" is already in/);
  });

  it('removes all that is kept of an alloc, once it is gone', async () => {
    const workload = await start(['sleep', '60']);
    expect(await failure(driver.remove('web-1'))).to.equal('alloc "web-1" still runs');
    await workload.stop(0);
    await driver.remove('web-1');
    await driver.remove('web-1');
    expect(existsSync(join(dir, 'allocs', 'web-1'))).to.equal(false);
    expect(await driver.recover()).to.deep.equal([]);
    expect(await output()).to.equal('');
  });

  it('gives the last lines of the output', async () => {
    await (await start(['sh', '-c', 'echo one; echo two >&2; echo three'])).exited;
    expect(await output({ tailLines: 2 })).to.equal('two\nthree\n');
    expect(await output({ tailLines: 0 })).to.equal('');
    expect(await output({ tailLines: 9 })).to.equal('one\ntwo\nthree\n');
  });

  it('follows the output to the end of the workload', async () => {
    const workload = await start(['sh', '-c', 'echo one; read -r _ < gate; echo two'], {
      volumes: [{ name: 'gate', path: 'gate', source: fifo(dir) }],
    });
    const lines: string[] = [];
    for await (const chunk of driver.logs('web-1', { follow: true })) {
      lines.push(chunk.toString());
      if (lines.length === 1) await writeFile(join(dir, 'fifo'), 'go\n');
    }
    expect(lines.join('')).to.equal('one\ntwo\n');
    expect(workload.gone).to.equal(true);
  });

  it('stops following when it is told to', async () => {
    await start(['sh', '-c', 'echo up; exec sleep 60']);
    const stop = new AbortController();
    const lines: string[] = [];
    for await (const chunk of driver.logs('web-1', { follow: true, signal: stop.signal })) {
      lines.push(chunk.toString());
      stop.abort();
    }
    expect(lines).to.deep.equal(['up\n']);
  });
});

function fifo(dir: string): string {
  const path = join(dir, 'fifo');
  execFileSync('mkfifo', [path]);
  return path;
}
