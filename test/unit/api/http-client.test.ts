/** What an HTTP client does with broken answers, and whom it trusts. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createHttpClient } from '../../../api/client/http.ts';
import { systemClock } from '../../../api/clock.ts';
import { loadCertificates } from '../../../api/server/tls.ts';
import { brokenBy, refusal } from './failure.ts';
import { ADMIN_TOKEN, CONTROLLER_TOKEN, type HttpWorld, startHttpWorld } from './http-world.ts';
import { admin, event, node } from './world.ts';

describe('the HTTP client', () => {
  let world: HttpWorld;
  before(async () => {
    world = await startHttpWorld();
    await world.service.create(admin, 'Node', node('n1'));
  });
  after(() => world.close());

  it('gets tables, and watches them', async () => {
    const client = world.client();
    const table = await client.getTable('Node', undefined, { includeObject: 'Object' });
    expect(table.rows[0]?.cells[0]).to.equal('n1');
    expect((await client.getTable('Node', 'n1')).rows).to.have.length(1);
    for await (const { type, table: frame } of client.watchTable('Node', { resourceVersion: '0' })) {
      expect(type).to.equal('ADDED');
      expect(frame.rows[0]?.cells[0]).to.equal('n1');
      break;
    }
  });

  it('registers a machine, and acts for it', async () => {
    const { node: joined, token } = await world.client().register('n2', { labels: { zone: 'b' } });
    expect(joined.metadata.labels).to.deep.equal({ zone: 'b' });
    const agent = world.client(token);
    await refusal('Forbidden', () => agent.patch('Node', 'n2', { spec: { drain: true } }));
    await refusal('Unauthorized', () => world.client('wrong').list('Node'));
  });

  it('asks for anything else', async () => {
    expect(await world.client().request('GET', '/version')).to.include({ gitVersion: 'v1.2.3' });
  });

  it('knows what is no mill server', async () => {
    const secure = createHttpClient({ server: world.url.replace('http:', 'https:'), token: ADMIN_TOKEN });
    await brokenBy(() => secure.get('Node', 'n1'));
    secure.close();
    expect(() => createHttpClient({ server: 'nonsense' })).to.throw(TypeError);
  });

  it('gives up with its signal', async () => {
    const stop = new AbortController();
    stop.abort();
    const client = createHttpClient({ server: world.url, token: ADMIN_TOKEN, signal: stop.signal });
    await brokenBy(() => client.get('Node', 'n1'));
  });
});

describe('TLS', () => {
  it('goes from the certificates that the server made to the client that trusts them', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'mill-https-'));
    const tls = await loadCertificates({ dir, clock: systemClock });
    const world = await startHttpWorld({ tls });
    try {
      expect(world.url).to.match(/^https:/);
      const client = world.client(CONTROLLER_TOKEN);
      await client.create(event('e1'));
      for await (const told of client.watch('Event', { resourceVersion: '0' })) {
        expect(told.type).to.equal('ADDED');
        break;
      }
      const stranger = createHttpClient({ server: world.url, token: CONTROLLER_TOKEN });
      const { message } = await brokenBy(() => stranger.get('Event', 'e1'));
      expect(message).to.include('not of an authority that is trusted here');
      const plain = createHttpClient({
        server: world.url.replace('https:', 'http:'),
        token: CONTROLLER_TOKEN,
      });
      await brokenBy(() => plain.get('Event', 'e1'));
    } finally {
      await world.close();
      await rm(dir, { recursive: true });
    }
  });
});
