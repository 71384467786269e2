import { expect } from 'chai';
import sinon from 'sinon';
import { systemClock } from '../../../api/clock.ts';
import type { Event } from '../../../api/kinds/event.ts';
import { silentLog } from '../../../api/log.ts';
import { recover } from '../../../runtime/store/recovery.ts';
import { verifyStore } from '../../../runtime/store/verify.ts';
import { event, put, remove } from '../../conformance/objects.ts';
import { commitEach, StoreDirectory } from './directory.ts';

const JOURNAL = 'journal-0000000001.log';
const FULL_HISTORY = 100;

describe('a journal', () => {
  let directory: StoreDirectory;
  /** The journal of three commits after a kill, and the states that its records go through. */
  let intact: Buffer;
  let states: (readonly Event[])[];

  before(async () => {
    const source = await StoreDirectory.create();
    const store = await source.open();
    states = [[]];
    for (const write of [put(event('a', 'one')), put(event('a', 'two')), remove('a')]) {
      await commitEach(store, [write]);
      states.push(store.state.list('Event'));
    }
    intact = await source.readRecords(JOURNAL);
    await store.close();
    await source.dispose();
  });
  beforeEach(async () => {
    directory = await StoreDirectory.create();
  });
  afterEach(() => directory.dispose());

  async function recovered(
    content: Buffer,
  ): Promise<{ events: readonly Event[]; warnings: readonly string[] }> {
    await directory.write(JOURNAL, content);
    const { state, warnings } = await recover(directory.dir, FULL_HISTORY);
    return { events: state.list('Event'), warnings };
  }

  it('is read back as it was', async () => {
    expect(await recovered(intact)).to.deep.equal({ events: states.at(-1), warnings: [] });
  });

  it('cut short at any byte is a beginning of itself', async () => {
    let previous = 0;
    for (let length = 0; length <= intact.length; length++) {
      const { events } = await recovered(intact.subarray(0, length));
      const position = states.findIndex((state) => JSON.stringify(state) === JSON.stringify(events));
      expect(position, `cut at ${length}`).to.be.at.least(0);
      if (position !== 0) previous = Math.max(previous, position);
    }
    expect(previous).to.equal(2);
  });

  it('with any bit flipped is refused, or loses its last record and says so', async function () {
    this.timeout(60_000);
    const lastRecord = intact.lastIndexOf(Buffer.from([0xff]));
    for (let bit = 0; bit < intact.length * 8; bit++) {
      const damaged = Buffer.from(intact);
      const byte = bit >> 3;
      damaged[byte] = (damaged[byte] ?? 0) ^ (1 << (bit & 7));
      const outcome = await recovered(damaged).catch((error: Error) => error);
      if (outcome instanceof Error) {
        expect(outcome.message).to.include(directory.path(JOURNAL)).and.include('nothing was changed');
        expect(byte, `byte ${byte} refused`).to.be.lessThan(lastRecord);
      } else {
        expect(byte, `byte ${byte} let through`).to.be.at.least(lastRecord);
        expect(outcome.warnings).to.have.lengthOf(1);
        const isBehind = byte >= intact.findLastIndex((value) => value !== 0) + 1;
        expect(outcome.events).to.deep.equal(isBehind ? states[3] : states[2]);
      }
    }
  });

  it('names the file and the offset of the damage, and what to do', async () => {
    const damaged = Buffer.from(intact);
    const second = intact.indexOf(Buffer.from([0xff]), 1);
    damaged[second + 40] = 0;
    const outcome = await recovered(damaged).catch((error: Error) => error);
    expect(outcome).to.be.instanceOf(Error);
    expect(String(outcome)).to.match(
      /journal-0000000001\.log is damaged at byte \d+ \(wrong checksum\), valid records follow at byte \d+: nothing was changed; restore .* from a backup, or move it away to start empty$/,
    );
  });

  it('is not continued over a record that is missing', async () => {
    const starts = [...intact.keys()].filter((at) => intact[at] === 0xff && intact[at + 1] === 0x4d);
    const [, first = 0, second = 0] = starts;
    const without = Buffer.concat([intact.subarray(0, first), intact.subarray(second)]);
    const outcome = await recovered(without).catch((error: Error) => error);
    expect(String(outcome)).to.include('does not follow what is before it');
  });

  it('goes on after a torn record as if that had never been', async () => {
    const torn = intact.subarray(0, intact.findLastIndex((byte) => byte !== 0) - 5);
    await directory.write(JOURNAL, torn);
    const warn = sinon.stub();
    for (const name of ['b', 'c']) {
      const store = await directory.open({ log: { ...silentLog, warn } });
      await commitEach(store, [put(event(name))]);
      await store.close();
    }
    const { state, warnings } = await recover(directory.dir, FULL_HISTORY);
    expect(state.list('Event').map((object) => object.metadata.name)).to.deep.equal(['a', 'b', 'c']);
    expect(warnings).to.deep.equal([]);
    expect(warn.callCount).to.equal(1);
    expect(warn.firstCall.args[1]).to.match(
      /ends in a record that was never finished, at byte \d+ .*: it is cut off$/,
    );
  });

  it('is checked by verify, which finds what keeps the store from opening, and changes nothing', async () => {
    const damaged = Buffer.from(intact);
    damaged[intact.indexOf(Buffer.from([0xff]), 1) + 20] = 0;
    await directory.write(JOURNAL, damaged);
    const report = await verifyStore(directory.dir, systemClock);
    expect(report.problems).to.have.lengthOf(1);
    expect(report.problems[0]).to.include(directory.path(JOURNAL));
    expect(await directory.read(JOURNAL)).to.deep.equal(damaged);
  });

  it('of a store that is open is not verified', async () => {
    const store = await directory.open();
    const outcome = await verifyStore(directory.dir, systemClock).catch((error: Error) => error);
    expect(String(outcome)).to.include(`is in use by process ${process.pid}`);
    await store.close();
  });
});
