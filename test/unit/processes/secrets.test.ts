import { X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../../../api/clock.ts';
import { loadSecrets } from '../../../controllers/processes/secrets.ts';
import { keptServerName } from '../../../controllers/processes/server-name.ts';

describe('what a server keeps in its data directory', () => {
  let root: string;
  let cluster: Map<string, string>;
  /** As the store of a cluster keeps them: who comes first makes them. */
  const shared = async (name: string, make: () => Promise<string>) => {
    const value = cluster.get(name) ?? (await make());
    cluster.set(name, cluster.get(name) ?? value);
    return cluster.get(name) ?? value;
  };
  const folder = async (name: string) => {
    const dir = join(root, name);
    await mkdir(dir, { recursive: true });
    return dir;
  };
  const load = async (name: string, isShared: boolean) =>
    loadSecrets({
      dir: await folder(name),
      names: [`${name}.example`],
      clock: systemClock,
      ...(isShared ? { shared } : {}),
    });

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'mill-secrets-'));
    cluster = new Map();
  });
  afterEach(() => rm(root, { recursive: true }));

  it('is its own where it is alone, and stays', async () => {
    const [a, b] = [await load('a', false), await load('b', false)];
    expect(a.token).to.not.equal(b.token);
    expect(a.certificates.ca).to.not.equal(b.certificates.ca);
    expect(await load('a', false)).to.deep.equal(a);
    expect((await stat(join(root, 'a', 'admin-token'))).mode & 0o777).to.equal(0o600);
  });

  it('has one authority and one token with the other servers, and a certificate of its own', async () => {
    const [a, b] = [await load('a', true), await load('b', true)];
    expect(a.token).to.equal(b.token);
    expect(a.certificates.ca).to.equal(b.certificates.ca);
    const authority = new X509Certificate(a.certificates.ca);
    for (const [name, { certificates }] of [
      ['a', a],
      ['b', b],
    ] as const) {
      const certificate = new X509Certificate(certificates.cert);
      expect(certificate.verify(authority.publicKey)).to.equal(true);
      expect(certificate.checkHost(`${name}.example`)).to.not.equal(undefined);
      expect(await readFile(certificates.caPath, 'utf8')).to.equal(certificates.ca);
      expect((await readFile(join(root, name, 'admin-token'), 'utf8')).trim()).to.equal(a.token);
    }
    expect(await load('a', true)).to.deep.equal(a);
  });

  it('is brought in by the first one, from the time when it was alone; the others give theirs up', async () => {
    const [a, b] = [await load('a', false), await load('b', false)];
    const together = [await load('a', true), await load('b', true)];
    for (const { token, certificates } of together) {
      expect(token).to.equal(a.token);
      expect(certificates.ca).to.equal(a.certificates.ca);
    }
    expect(together[0]?.certificates.cert).to.equal(a.certificates.cert);
    expect(together[1]?.certificates.cert).to.not.equal(b.certificates.cert);
  });

  for (const [what, value] of [
    ['cannot be read', '{}'],
    ['is damaged, or near its end', JSON.stringify({ key: 'no', cert: 'no' })],
  ] as const) {
    it(`is refused where the shared authority ${what}`, async () => {
      cluster.set('authority', value);
      const error = await load('a', true).then(
        () => undefined,
        (reason: Error) => reason.message,
      );
      expect(error).to.equal(`the certificate authority that the servers share ${what}`);
    });
  }

  for (const [host, expected] of [
    ['build-7.example.com', /^build-7-[0-9a-f]{6}$/],
    ['Ännchens_Mac', /^nnchens-mac-[0-9a-f]{6}$/],
    ['___', /^server-[0-9a-f]{6}$/],
    ['x'.repeat(80), /^x{40}-[0-9a-f]{6}$/],
  ] as const) {
    it(`has a name that it keeps, on a host called ${host.slice(0, 20)}`, async () => {
      const dir = await folder('a');
      const name = await keptServerName(dir, host);
      expect(name).to.match(expected);
      expect(await keptServerName(dir, 'another-host')).to.equal(name);
    });
  }
});
