/** What becomes of commits that are handed to a writer which does not answer, or answers late. */
import { expect } from 'chai';
import type { Reader } from '../../../../api/store.ts';
import type { SendingMode } from '../../../../runtime/store/jetstream/stream.ts';
import { actor, blindly, event, put, remove } from '../../../conformance/objects.ts';
import { failure, names } from '../../../conformance/observing.ts';
import { Servers } from './servers.ts';

const ANSWER_WAIT_MS = 1_000;
const COMMIT_WAIT_MS = 10_000;
const events = (state: Reader) => names(state.list('Event'));

async function given(mode: SendingMode = 'batches') {
  const servers = new Servers(mode);
  const [writer, other] = [await servers.start(), await servers.start()];
  servers.writer = () => 'server-1';
  const waitFor = (ms: number) => servers.clock.advance(ms);
  const release = () => {
    for (const ask of servers.held?.splice(0) ?? []) ask();
  };
  return { servers, writer, other, waitFor, release };
}

describe('a commit that is handed over', () => {
  it('is made without the writer where that does not answer, and not a second time when it wakes', async () => {
    const { servers, writer, other, waitFor, release } = await given();
    servers.held = [];
    const handed = other.engine.commit(actor, (state) => ({
      writes: [put(event(`e-${state.count('Event')}`))],
      result: 0,
    }));
    await waitFor(ANSWER_WAIT_MS);
    await handed;
    expect(events(other.engine.state)).to.deep.equal(['e-0']);
    await writer.engine.commit(actor, blindly(remove('e-0')));
    release();
    await waitFor(1);
    expect(events(writer.engine.state)).to.deep.equal([]);
  });

  for (const mode of ['batches', 'serial'] as const) {
    it(`is found in the log, with its revisions, where the answer was lost (${mode})`, async () => {
      const { servers, writer, other, waitFor } = await given(mode);
      await writer.engine.commit(actor, blindly(put(event('old'))));
      servers.losesAnswers = true;
      const writes = [remove('nothing'), put(event('a')), remove('old'), put(event('b'))];
      const handed = other.engine.commit(actor, blindly(...writes));
      await waitFor(ANSWER_WAIT_MS - 1);
      expect(events(writer.engine.state)).to.deep.equal(['a', 'b']);
      const [a, b] = writer.engine.state.list('Event');
      await writer.engine.commit(actor, blindly(put(event('b', 'written over'))));
      await waitFor(1);
      const { objects, revision } = await handed;
      expect(objects.map(({ metadata }) => metadata.resourceVersion)).to.deep.equal([
        a?.metadata.resourceVersion,
        b?.metadata.resourceVersion,
      ]);
      expect(revision).to.equal(Number(b?.metadata.resourceVersion));
    });
  }

  it('is told to be unknown where its record may have been superseded before it was seen', async () => {
    const { servers, writer, other, waitFor } = await given();
    servers.losesAnswers = true;
    other.stream.hold();
    const handed = failure(other.engine.commit(actor, blindly(put(event('a', 'handed')))));
    await waitFor(1);
    for (const text of ['1', '2']) await writer.engine.commit(actor, blindly(put(event('a', text))));
    other.stream.release();
    await waitFor(ANSWER_WAIT_MS);
    expect(await handed).to.have.property('reason', 'Timeout');
  });

  it('is made without the writer where that is about to end', async () => {
    const { writer, other } = await given();
    await writer.engine.close();
    await other.engine.commit(actor, blindly(put(event('a'))));
    expect(events(other.engine.state)).to.deep.equal(['a']);
  });

  it('is never said to be refused while the writer may still make it', async () => {
    const { servers, other, waitFor } = await given();
    servers.held = [];
    other.stream.losesRecords = true;
    const handed = failure(other.engine.commit(actor, blindly(put(event('a')))));
    await waitFor(ANSWER_WAIT_MS + COMMIT_WAIT_MS);
    expect(await handed).to.have.property('reason', 'Timeout');
  });
});
