/** What a server makes of a log that is not as it should be. */
import { expect } from 'chai';
import { ApiError } from '../../../../api/errors.ts';
import type { Reader } from '../../../../api/store.ts';
import { actor, blindly, event, lease, put } from '../../../conformance/objects.ts';
import { failure, hear, names, summary } from '../../../conformance/observing.ts';
import { Servers, subjects } from './servers.ts';

const RESEND_MS = 1_000;
const LONG_MS = 31 * 60_000;
const LOOKS = 20;
const events = (state: Reader) => names(state.list('Event'));
const ids = (attempt: string, previous: string) => ({ 'Mill-Attempt': attempt, 'Mill-Previous': previous });

describe('the copy of a log', () => {
  it('passes over what a stranger wrote, says so, and goes on', async () => {
    const servers = new Servers('batches');
    const one = await servers.start();
    await one.engine.commit(actor, blindly(put(event('a'))));
    servers.log.append(subjects.of(event('a')), {}, 'no JSON');
    servers.log.append('$KV.mill.nowhere', {}, '');
    await one.engine.commit(actor, blindly(put(event('b'))));
    const other = await servers.start();
    await other.engine.commit(actor, blindly(put(event('c'))));
    expect(events(one.engine.state)).to.deep.equal(['a', 'b', 'c']);
    expect(events(other.engine.state)).to.deep.equal(['a', 'b', 'c']);
    expect(one.errors).to.have.lengthOf(2);
    expect(one.errors[0]).to.include('mill did not write');
  });

  it('gives up at a record of mill that cannot be read', async () => {
    const servers = new Servers('batches');
    const one = await servers.start();
    servers.log.append(subjects.of(event('a')), ids('x', 'first'), 'no JSON');
    expect(one.engine.health.unwritable).to.include('record 2 on $KV.mill.events.a cannot be read');
    const refusal = await failure(one.engine.commit(actor, blindly(put(event('b')))));
    expect(refusal).to.have.property('reason', 'ServiceUnavailable');
    expect(String(await failure(servers.begin().engine.loaded))).to.include('cannot be read');
  });

  it('does not believe at once that the log has lost what was seen of it', async () => {
    const servers = new Servers('batches');
    const { engine, stream } = await servers.start();
    await engine.commit(actor, blindly(put(event('a'))));
    stream.claims = { last: 1 };
    for (let looks = 1; looks < LOOKS; looks++) expect(() => stream.open()).to.throw('are lost');
    stream.claims = {};
    stream.open();
    expect(engine.health.unwritable).to.equal(undefined);
    stream.claims = { last: 1 };
    for (let looks = 1; looks < LOOKS; looks++) expect(() => stream.open()).to.throw('are lost');
    stream.open();
    expect(engine.health.unwritable).to.include('acknowledged writes are lost');
  });

  it('reads all again where the log was forked, and gives up where it contradicts itself', async () => {
    const servers = new Servers('batches');
    const { engine, errors } = await servers.start();
    await engine.commit(actor, blindly(put(event('a'))));
    servers.log.append(subjects.of(event('b')), ids('x', 'another'), JSON.stringify(event('b')));
    await servers.clock.advance(1);
    expect(errors.join()).to.include('follows upon another').and.to.include('cannot be read again');
    expect(engine.health.unwritable).to.include('follows upon another');
  });

  it('loses nothing of a commit that was half in the log when it was read again', async () => {
    const servers = new Servers('serial');
    const [one, other] = [await servers.start(), await servers.start()];
    one.stream.refuses = {
      subject: subjects.of(event('b')),
      error: new ApiError('ServiceUnavailable', 'no room'),
    };
    const both = one.engine.commit(actor, blindly(put(event('a')), put(event('b'))));
    await servers.clock.advance(1);
    other.stream.open(LONG_MS);
    await servers.clock.advance(1);
    expect(other.errors.join()).to.include('nothing was heard');
    await servers.clock.advance(RESEND_MS);
    await both;
    expect(events(other.engine.state)).to.deep.equal(['a', 'b']);
  });

  it('of leases passes over what cannot be read', async () => {
    const servers = new Servers('batches');
    const { engine } = await servers.start();
    servers.leases.append('$KV.mill_leases.leases.node-1', ids('x', ''), 'no JSON');
    await engine.commit(actor, blindly(put(lease('node-1'))), { kind: 'Lease' });
    expect(names(engine.state.list('Lease'))).to.deep.equal(['node-1']);
  });

  it('of leases is not forgotten for what a server says that is behind', async () => {
    const servers = new Servers('batches');
    const { engine, leases } = await servers.start();
    await engine.commit(actor, blindly(put(lease('node-1'))), { kind: 'Lease' });
    const heard = hear(engine, { kinds: ['Lease'] });
    leases.claims = { last: 0 };
    for (let looks = 1; looks < 4; looks++) expect(() => leases.open()).to.throw('leases end with 0');
    expect(heard).to.deep.equal([]);
    leases.open();
    expect(heard.map(summary)).to.deep.equal(['deleted node-1 ', 'added node-1 ']);
  });
});
