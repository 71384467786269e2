import { X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { loadCertificates } from '../../../api/server/tls.ts';

const DAY_MS = 86_400_000;

describe('the server certificate', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'mill-tls-'));
  });
  afterEach(() => rm(dir, { recursive: true }));
  const start = Date.parse('2024-05-01T00:00:00Z');
  const load = (options: { names?: string[]; afterMs?: number } = {}) => {
    const clock = { now: () => start + (options.afterMs ?? 0) };
    return loadCertificates({ dir, clock, ...(options.names ? { names: options.names } : {}) });
  };

  it('is made for loopback and the names given, signed by an authority of its own', async () => {
    const { cert, ca, caPath } = await load({ names: ['mill.example', '10.1.2.3'] });
    const server = new X509Certificate(cert);
    const authority = new X509Certificate(ca);
    expect(server.checkIssued(authority) && server.verify(authority.publicKey)).to.equal(true);
    expect(authority.ca && !server.ca).to.equal(true);
    for (const name of ['localhost', 'mill.example'])
      expect(server.checkHost(name), name).not.to.equal(undefined);
    for (const address of ['127.0.0.1', '::1', '10.1.2.3']) expect(server.checkIP(address)).to.equal(address);
    expect(server.publicKey.asymmetricKeyDetails).to.deep.equal({ namedCurve: 'prime256v1' });
    expect(await readFile(caPath, 'utf8')).to.equal(ca);
  });

  it('can be read by its owner alone', async () => {
    await load();
    for (const file of await readdir(dir)) {
      expect((await stat(join(dir, file))).mode & 0o777, file).to.equal(0o600);
    }
  });

  it('is kept, while it is good', async () => {
    const first = await load();
    expect(await load({ afterMs: 300 * DAY_MS })).to.deep.equal(first);
  });

  it('is renewed near its end and for a new name; the authority stays', async () => {
    const first = await load();
    const renewed = await load({ afterMs: 350 * DAY_MS });
    expect(renewed.cert).not.to.equal(first.cert);
    expect(renewed.ca).to.equal(first.ca);
    const named = await load({ names: ['other.example'] });
    expect(named.cert).not.to.equal(renewed.cert);
    expect(named.ca).to.equal(first.ca);
  });

  it('is made again where its files are broken or do not fit', async () => {
    const first = await load();
    await writeFile(join(dir, 'server.crt'), 'broken');
    const second = await load();
    expect(second.ca).to.equal(first.ca);
    await writeFile(join(dir, 'ca.key'), 'broken');
    const third = await load();
    expect(third.ca).not.to.equal(first.ca);
    expect(new X509Certificate(third.cert).verify(new X509Certificate(third.ca).publicKey)).to.equal(true);
  });
});
