/** Which deletions are cleared away, and when. */
import { expect } from 'chai';
import { silentLog } from '../../../../api/log.ts';
import type { Incoming } from '../../../../runtime/store/jetstream/stream.ts';
import { Tombstones } from '../../../../runtime/store/jetstream/tombstones.ts';
import { actor, blindly, event, put, remove } from '../../../conformance/objects.ts';
import { VirtualClock } from '../../../vocabulary/clock.ts';
import { Servers, subjects } from './servers.ts';

const HOUR_MS = 60 * 60_000;
const SWEEP_MS = 60_000;

describe('deletions in the log', () => {
  const given = (lastRevision: number) => {
    const clock = new VirtualClock();
    const purged: string[] = [];
    const tombstones = new Tombstones({
      clock,
      log: silentLog,
      isMine: () => true,
      lastRevision: () => lastRevision,
      purge: async (subject, upTo) => void purged.push(`${subject}@${upTo}`),
      signal: new AbortController().signal,
    });
    const note = (subject: string, sequence: number, operation: string) =>
      tombstones.note(record(subject, sequence, operation, clock.now()));
    return { clock, purged, note };
  };

  it('are cleared away after an hour, but for what was made again since', async () => {
    const { clock, purged, note } = given(9);
    note('a', 5, 'DEL');
    note('b', 6, 'DEL');
    note('b', 7, '');
    await clock.advance(HOUR_MS);
    expect(purged).to.deep.equal([]);
    await clock.advance(2 * SWEEP_MS);
    expect(purged).to.deep.equal(['a@5']);
  });

  it('stay while they are the last of it', async () => {
    const { clock, purged, note } = given(6);
    note('a', 5, 'DEL');
    note('b', 6, 'DEL');
    await clock.advance(HOUR_MS + 2 * SWEEP_MS);
    expect(purged).to.deep.equal(['a@5']);
  });

  it('are heard of by the server that made them', async () => {
    const servers = new Servers('batches');
    const { engine, records } = await servers.start();
    await engine.commit(actor, blindly(put(event('a'))));
    await engine.commit(actor, blindly(remove('a')));
    expect(records.map(({ subject }) => subject).slice(-2)).to.deep.equal(
      Array(2).fill(subjects.of(event('a'))),
    );
  });
});

function record(subject: string, sequence: number, operation: string, timeMs: number): Incoming {
  const header = (name: string) => (name === 'KV-Operation' ? operation : '');
  return { subject, sequence, timeMs, header, text: () => '' };
}
