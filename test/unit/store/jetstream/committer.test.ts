/** What becomes of commits whose records, or the answers to them, are lost on the way. */
import { expect } from 'chai';
import { ApiError } from '../../../../api/errors.ts';
import type { Reader } from '../../../../api/store.ts';
import { actor, blindly, event, put, remove } from '../../../conformance/objects.ts';
import { failure } from '../../../conformance/observing.ts';
import { Servers, subjects } from './servers.ts';

const COMMIT_WAIT_MS = 10_000;
const MANY = 40;
const message = (state: Reader, name: string) => state.get('Event', name)?.spec.message;

describe('a commit of the JetStream engine', () => {
  it('is decided on what others wrote right after one that was superseded before it was seen', async () => {
    const servers = new Servers('batches');
    const [one, other] = [await servers.start(), await servers.start()];
    one.stream.losesAnswers = true;
    one.stream.hold();
    const unanswered = one.engine.commit(actor, blindly(put(event('x', 'mine'))));
    await servers.clock.advance(1);
    await other.engine.commit(actor, blindly(put(event('y', 'theirs'))));
    await other.engine.commit(actor, blindly(put(event('x', 'theirs'))));
    await other.engine.commit(actor, blindly(put(event('x', 'theirs again'))));
    one.stream.losesAnswers = false;
    one.stream.release();
    await unanswered;
    const { result } = await one.engine.commit(actor, (state) => ({
      writes: [put(event('z'))],
      result: [message(state, 'x'), message(state, 'y')],
    }));
    expect(result).to.deep.equal(['theirs again', 'theirs']);
  });

  it('is not taken back together with the next, which was superseded before it was seen', async () => {
    const servers = new Servers('batches');
    const [one, other] = [await servers.start(), await servers.start()];
    one.stream.losesAnswers = true;
    one.stream.hold();
    const first = one.engine.commit(actor, blindly(put(event('a', 'mine'))));
    const second = failure(one.engine.commit(actor, blindly(put(event('x', 'mine')))));
    await servers.clock.advance(1);
    for (const text of ['1', '2', '3']) await other.engine.commit(actor, blindly(put(event('x', text))));
    one.stream.losesAnswers = false;
    one.stream.release();
    await first;
    expect(await second).to.have.property('reason', 'Timeout');
    const { result } = await one.engine.commit(actor, (state) => ({
      writes: [put(event('z'))],
      result: message(state, 'a'),
    }));
    expect(result).to.equal('mine');
  });

  it('of several records is finished where the answer to the first was lost', async () => {
    const servers = new Servers('serial');
    const { engine, stream } = await servers.start();
    stream.losesAnswers = true;
    const both = engine.commit(actor, blindly(put(event('a')), put(event('b'))));
    await servers.clock.advance(1);
    stream.losesAnswers = false;
    await servers.clock.advance(COMMIT_WAIT_MS);
    await both;
    expect(engine.state.list('Event')).to.have.lengthOf(2);
    await engine.commit(actor, blindly(put(event('c'))));
  });

  it('is sent again where it was lost and the one before it was not', async () => {
    const servers = new Servers('pipelined');
    const { engine, stream } = await servers.start();
    stream.hold();
    stream.losesAnswers = true;
    const first = engine.commit(actor, blindly(put(event('a'))));
    stream.losesRecords = true;
    const second = engine.commit(actor, blindly(put(event('b'))));
    await servers.clock.advance(1);
    stream.losesAnswers = false;
    stream.losesRecords = false;
    stream.release();
    await first;
    await servers.clock.advance(COMMIT_WAIT_MS);
    await second;
  });

  it('goes out in another way only when those before it have landed', async () => {
    const servers = new Servers('pipelined');
    const { engine, stream } = await servers.start();
    let arrive = () => {};
    stream.delay = new Promise((resolve) => {
      arrive = resolve;
    });
    const commits = ['a', 'b'].map((name) => engine.commit(actor, blindly(put(event(name)))));
    stream.traits = { ...stream.traits, mode: 'batches' };
    commits.push(...['c', 'd'].map((name) => engine.commit(actor, blindly(put(event(name))))));
    await servers.clock.advance(1);
    stream.delay = undefined;
    const batches: number[] = [];
    const { publishTogether } = stream;
    stream.publishTogether = (records) => {
      batches.push(records.length);
      return publishTogether.call(stream, records);
    };
    arrive();
    const landed = await Promise.all(commits);
    expect(landed.map(({ revision }) => revision)).to.deep.equal([2, 3, 4, 5]);
    expect(batches).to.deep.equal([2]);
  });

  it('is taken after others that went out together', async () => {
    const servers = new Servers('pipelined');
    const { engine, stream } = await servers.start();
    stream.traits = { ...stream.traits, mode: 'batches' };
    let arrive = () => {};
    stream.delay = new Promise((resolve) => {
      arrive = resolve;
    });
    const together = ['a', 'b'].map((name) => engine.commit(actor, blindly(put(event(name)))));
    await servers.clock.advance(1);
    const alone = engine.commit(actor, blindly(put(event('c'))));
    await servers.clock.advance(1);
    stream.delay = undefined;
    arrive();
    await Promise.all([...together, alone]);
  });

  it('is decided while those before it are on their way, and again where somebody else was faster', async () => {
    const servers = new Servers('batches');
    const [one, other] = [await servers.start(), await servers.start()];
    let decisions = 0;
    const increment = (state: Reader) => {
      decisions += 1;
      return { writes: [put(event('count', `${Number(message(state, 'count') ?? 0) + 1}`))], result: 0 };
    };
    let arrive = () => {};
    one.stream.hold();
    one.stream.delay = new Promise((resolve) => {
      arrive = resolve;
    });
    const commits = [one.engine.commit(actor, increment)];
    await servers.clock.advance(1);
    for (let count = 1; count < MANY; count++) commits.push(one.engine.commit(actor, increment));
    await servers.clock.advance(1);
    expect(decisions).to.equal(MANY);
    await other.engine.commit(actor, blindly(put(event('count', '1000'))));
    arrive();
    one.stream.release();
    await Promise.all(commits);
    expect(message(other.engine.state, 'count')).to.equal(`${1_000 + MANY}`);
    expect(decisions).to.equal(2 * MANY);
  });

  it('that was decided again is not taken as it was decided at first, though a copy of that is late', async () => {
    const servers = new Servers('pipelined');
    const [one, other] = [await servers.start(), await servers.start()];
    await other.engine.commit(actor, blindly(put(event('a')), put(event('b'))));
    let arrive = () => {};
    one.stream.hold();
    one.stream.delay = new Promise(() => {});
    // Three records at first, and one where somebody else deletes the objects: what follows has its old place again.
    const first = one.engine.commit(actor, blindly(remove('a'), remove('b')));
    const second = one.engine.commit(actor, blindly(put(event('c'))));
    one.stream.delay = new Promise((resolve) => {
      arrive = resolve;
    });
    const third = one.engine.commit(actor, (state) => ({
      writes: [put(event('count', `${state.count('Event')}`))],
      result: 0,
    }));
    await other.engine.commit(actor, blindly(remove('a')));
    await other.engine.commit(actor, blindly(put(event('d'))));
    one.stream.delay = undefined;
    one.stream.arrive = 2;
    one.stream.release();
    await Promise.all([first, second]);
    one.stream.arrive = Number.POSITIVE_INFINITY;
    arrive();
    await servers.clock.advance(COMMIT_WAIT_MS);
    await third;
    expect(message(other.engine.state, 'count')).to.equal('2');
  });

  it('is not refused by what its server has not seen yet, where nobody decides for all', async () => {
    const servers = new Servers('batches');
    servers.writer = () => undefined;
    const [one, other] = [await servers.start(), await servers.start()];
    one.stream.hold();
    await other.engine.commit(actor, blindly(put(event('a'))));
    const change = (name: string) =>
      one.engine.commit(actor, (state) => {
        if (!state.get('Event', name)) throw new ApiError('NotFound', `there is no ${name}`);
        return { writes: [put(event(name, 'changed'))], result: undefined };
      });
    const changed = change('a');
    await servers.clock.advance(1);
    one.stream.release();
    await changed;
    expect(message(other.engine.state, 'a')).to.equal('changed');
    expect(await failure(change('b'))).to.have.property('reason', 'NotFound');
  });

  it('is not decided on a commit of which a part is not here yet', async () => {
    const servers = new Servers('batches');
    const { engine } = await servers.start();
    const write = (id: string, previous: string, more = {}) =>
      servers.log.append(
        subjects.of(event(id)),
        { 'Mill-Attempt': id, 'Mill-Previous': previous, ...more },
        JSON.stringify(event(id)),
      );
    write('a', 'first', { 'Mill-Writes': '2' });
    const reading = engine.commit(actor, (state) => ({ writes: [], result: state.count('Event') }));
    await servers.clock.advance(1);
    const last = write('b', 'a');
    const { result, revision } = await reading;
    expect({ result, revision }).to.deep.equal({ result: 2, revision: last });
    expect(engine.state.revision).to.equal(last);
  });

  it('whose caller has been told that nobody knows is not decided again', async () => {
    const servers = new Servers('batches');
    const [one, other] = [await servers.start(), await servers.start()];
    one.stream.losesRecords = true;
    const unanswered = failure(one.engine.commit(actor, blindly(put(event('a')))));
    await servers.clock.advance(COMMIT_WAIT_MS);
    expect(await unanswered)
      .to.be.an.instanceOf(ApiError)
      .with.property('reason', 'Timeout');
    one.stream.losesRecords = false;
    await other.engine.commit(actor, blindly(put(event('b'))));
    await servers.clock.advance(COMMIT_WAIT_MS);
    await one.engine.commit(actor, blindly(put(event('c'))));
    expect(message(other.engine.state, 'a')).to.equal(undefined);
  });

  it('that is in the log already is not said to be refused when the rest of it is, for now', async () => {
    const servers = new Servers('serial');
    const { engine, stream } = await servers.start();
    stream.refuses = {
      subject: subjects.of(event('a')),
      error: new ApiError('ServiceUnavailable', 'no room'),
    };
    const both = engine.commit(actor, blindly(put(event('a')), put(event('b'))));
    await servers.clock.advance(COMMIT_WAIT_MS);
    await both;
    expect(engine.state.list('Event')).to.have.lengthOf(2);
  });

  it('of more records than a batch takes is finished by others where its server dies in the middle', async () => {
    const servers = new Servers('batches');
    const [one, other] = [await servers.start(), await servers.start()];
    const many = Array.from({ length: 1_500 }, (_, index) => put(event(`e-${index}`)));
    one.stream.arrive = 1;
    const unanswered = one.engine.commit(actor, blindly(...many));
    await servers.clock.advance(1);
    expect(servers.log.position.last).to.equal(1_001);
    expect(other.engine.state.count('Event')).to.equal(0);
    const { result } = await other.engine.commit(actor, (state) => ({
      writes: [put(event('last'))],
      result: state.count('Event'),
    }));
    expect(result).to.equal(many.length);
    await servers.clock.advance(COMMIT_WAIT_MS);
    expect(one.engine.state.count('Event')).to.equal(many.length + 1);
    await unanswered;
  });
});
