/** The embedded engine passes the suite, and keeps its word when its process is killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { systemClock } from '../../api/clock.ts';
import { silentLog } from '../../api/log.ts';
import type { Store } from '../../api/store.ts';
import { openEmbeddedStore } from '../../runtime/store/embedded.ts';
import type { OpenOptions, StoreHarness } from './harness.ts';
import { describeStore } from './store-suite.ts';

/** How often the writer is killed, each time after another number of acknowledgements. */
const KILLS = 8;
const MAX_ACKNOWLEDGEMENTS = 400;
const WRITER = fileURLToPath(new URL('./store-writer.ts', import.meta.url));

describeStore('embedded', () => {
  const dirs: string[] = [];
  let store: Store | undefined;
  const start = async (dir: string, options: OpenOptions = {}) => {
    store = await openEmbeddedStore({
      dir,
      clock: systemClock,
      log: silentLog,
      admission: () => {},
      ...options,
    });
    return store;
  };
  const newDir = async () => {
    const dir = await mkdtemp(join(tmpdir(), 'mill-store-'));
    dirs.push(dir);
    return dir;
  };
  return {
    keepsEphemeral: false,
    open: async (options) => start(await newDir(), options),
    reopen: async (options) => {
      await store?.close();
      return start(dirs.at(-1) ?? '', options);
    },
    // What the kernel has at this moment is what is there after a SIGKILL; the copy goes on from it.
    crash: async (options) => {
      const from = dirs.at(-1) ?? '';
      const dir = await newDir();
      const filter = (source: string) => !source.includes('lock-');
      await cp(from, dir, { recursive: true, filter });
      await store?.close();
      return start(dir, options);
    },
    dispose: async () => {
      await store?.close();
      for (const dir of dirs) await rm(dir, { recursive: true, force: true });
    },
  } satisfies StoreHarness;
});

describe('embedded: a store whose process is killed', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'mill-store-'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it('has everything that was acknowledged, and nothing half', async function () {
    this.timeout(60_000);
    const acknowledged = new Map<string, number>();
    let lastRevision = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const acknowledgements = 1 + Math.floor(Math.random() * MAX_ACKNOWLEDGEMENTS);
      for (const line of await killedAfter(acknowledgements, dir)) {
        const [pair = '', value, revision] = line.split(' ');
        acknowledged.set(pair, Number(value));
        lastRevision = Math.max(lastRevision, Number(revision));
      }
      const store = await openEmbeddedStore({ dir, clock: systemClock, log: silentLog, admission: () => {} });
      expect(store.state.revision).to.be.at.least(lastRevision);
      for (const [pair, value] of acknowledged) {
        const left = store.state.get('Event', `left-${pair}`)?.spec.message;
        const right = store.state.get('Event', `right-${pair}`)?.spec.message;
        expect(left, `pair ${pair} after ${acknowledgements} acknowledgements`).to.equal(right);
        expect(Number(left)).to.be.within(value, value + 1);
        acknowledged.set(pair, Number(left)); // the next process goes on from there, whether this was acknowledged or not
      }
      await store.close();
    }
  });
});

/** Runs the writer until it has acknowledged so many commits, kills it, and gives back all that it acknowledged. */
async function killedAfter(acknowledgements: number, dir: string): Promise<string[]> {
  const writer: ChildProcess = spawn(process.execPath, ['--import', 'tsx', WRITER, dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  try {
    const exited = once(writer, 'exit');
    if (!writer.stdout) throw new Error('the writer has no output');
    for await (const line of createInterface({ input: writer.stdout })) {
      lines.push(line);
      if (lines.length === acknowledgements) writer.kill('SIGKILL');
    }
    expect((await exited)[1]).to.equal('SIGKILL');
    return lines;
  } finally {
    writer.kill('SIGKILL');
  }
}
