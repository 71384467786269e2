/** A workload's output on disk: cut by size, and read across the cuts. */
import { closeSync, writeSync } from 'node:fs';
import { appendFile, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type SinonFakeTimers, useFakeTimers } from 'sinon';
import { type Clock, systemClock } from '../../../api/clock.ts';
import { followOutput } from '../../../runtime/drivers/exec/follow.ts';
import { Output } from '../../../runtime/drivers/exec/output.ts';

const MAX_BYTES = 100;

describe('output of a workload', () => {
  let dir: string;
  let output: Output;
  const read = async (options = {}) => {
    const chunks: Buffer[] = [];
    for await (const chunk of followOutput(output, options, undefined)) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  };

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'mill-output-'));
    output = new Output({ dir, clock: systemClock, maxBytes: MAX_BYTES });
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it('keeps at most twice its bound, the newest of it', async () => {
    const descriptor = output.open();
    writeSync(descriptor, `${'x'.repeat(500)}the end of the first\n`);
    output.rotate();
    writeSync(descriptor, 'second\n');
    closeSync(descriptor);
    expect((await stat(output.previous)).size).to.equal(MAX_BYTES);
    expect(await readFile(output.previous, 'utf8')).to.match(/the end of the first\n$/);
    expect(await readFile(output.current, 'utf8')).to.equal('second\n');
  });

  it('is cut while the workload runs, when it is too big', async () => {
    const timers: SinonFakeTimers = useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    const delays: number[] = [];
    const clock: Clock = {
      now: systemClock.now,
      schedule: (delayMs, callback) => {
        delays.push(delayMs);
        return systemClock.schedule(delayMs, callback);
      },
    };
    try {
      output = new Output({ dir, clock, maxBytes: MAX_BYTES });
      await appendFile(output.current, 'x'.repeat(MAX_BYTES + 1));
      output.watch();
      const checks = async (count: number) => {
        while (delays.length < count) await new Promise(setImmediate);
      };
      timers.tick(50);
      await checks(2);
      expect((await stat(output.current)).size).to.equal(0);
      for (let count = 3; count < 6; count++) {
        timers.tick(delays.at(-1) ?? 0);
        await checks(count);
      }
      expect(delays[0], 'at first').to.equal(50);
      expect(delays[1], 'after a flood').to.equal(50);
      expect(delays.at(-1), 'when idle').to.equal(5_000);
    } finally {
      output.unwatch();
      timers.restore();
    }
  });

  it('is read in order, the part that was cut off first', async () => {
    await appendFile(output.current, 'one\ntwo\n');
    output.rotate();
    await appendFile(output.current, 'three\nfour');
    expect(await read()).to.equal('one\ntwo\nthree\nfour');
    expect(await read({ tailLines: 1 })).to.equal('four');
    expect(await read({ tailLines: 2 })).to.equal('three\nfour');
    expect(await read({ tailLines: 3 })).to.equal('two\nthree\nfour');
  });

  it('is followed over a cut without a line lost', async () => {
    await appendFile(output.current, 'one\n');
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    let text = '';
    for await (const chunk of followOutput(output, { follow: true }, ended)) {
      text += chunk.toString();
      if (text === 'one\n') {
        await appendFile(output.current, `${'y'.repeat(50)}\ntwo\n`);
        output.rotate();
        await appendFile(output.current, 'three\n');
        end();
      }
    }
    expect(text).to.match(/^one\ny+\ntwo\nthree\n$/);
  });
});
