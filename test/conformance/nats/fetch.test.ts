/** Where the NATS servers cannot be fetched, one line says why, and nothing is left behind. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { CannotFetch, fetchNats, whyMissing } from '../../../hack/nats/fetch.ts';
import { NATS_RELEASES } from '../../../hack/nats/releases.ts';
import { needsProgram } from '../../vocabulary/nats.ts';

/** Nobody listens there. */
const NO_PROXY_AT_ALL = 'http://127.0.0.1:1';

describe('fetching a NATS server', function () {
  this.timeout(60_000);
  const saved = { ...process.env };
  let cache: string;

  beforeEach(async () => {
    cache = await mkdtemp(join(tmpdir(), 'mill-cache-'));
    process.env.XDG_CACHE_HOME = cache;
  });
  afterEach(async () => {
    process.env = { ...saved };
    await rm(cache, { recursive: true, force: true });
  });

  it('says that it needs apt-get where there is none', async () => {
    process.env.PATH = cache;
    const reason = await whyMissing(NATS_RELEASES.current);
    expect(reason).to.equal('cannot fetch nats-server: there is no apt-get here (it is fetched from Debian)');
    expect(await readdir(cache)).to.deep.equal([]);
  });

  it('says what apt-get says where there is no network', async function () {
    for (const tool of ['apt-get', 'dpkg']) needsProgram(this, tool);
    process.env.http_proxy = NO_PROXY_AT_ALL;
    const failure = await fetchNats('current').catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(CannotFetch);
    expect(String(failure))
      .to.match(/cannot fetch nats-server of sid: .+$/)
      .and.not.include('\n');
    expect(await readdir(join(cache, 'mill/nats'))).to.deep.equal([]);
  });
});
