/** What a server says, in one line, where NATS is not as it was told. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Nats, startNats } from '../../../hack/nats/servers.ts';
import type { NatsOptions } from '../../../runtime/store/jetstream/connection.ts';
import { openStore } from '../../vocabulary/jetstream.ts';
import { natsDir, needsNats } from '../../vocabulary/nats.ts';
import { failure } from '../observing.ts';

const START_MS = 60_000;
const RIGHT = { user: 'mill', password: 'secret' };

describe('a NATS server that cannot keep the state', function () {
  this.timeout(START_MS);
  let nats: Nats;
  let dir: string;

  before(async function () {
    await needsNats(this, 'current');
    const { user, password: pass } = RIGHT;
    const config = [`authorization { user: ${user}, password: ${pass} }`];
    nats = await startNats({ dir: await natsDir(), config, login: { user, pass } });
    dir = await mkdtemp(join(tmpdir(), 'mill-refusals-'));
    await writeFile(join(dir, 'nonsense'), 'nonsense');
  });
  after(async () => {
    await nats?.close();
    await rm(dir, { recursive: true, force: true });
  });

  const refusal = async (options: Partial<NatsOptions>, replicas?: 3): Promise<string> => {
    const opened = openStore({
      nats: { servers: nats.urls, ...options },
      ...(replicas ? { replicas } : {}),
      startWaitMs: 0,
      dir,
    });
    return ((await failure(opened)) as Error).message.replace(nats.urls.join(), 'URL');
  };

  it('is not there', async () => {
    expect(await refusal({ servers: ['nats://127.0.0.1:1'] })).to.equal(
      'NATS cannot be reached at nats://127.0.0.1:1: nothing listens there',
    );
  });

  it('has a name that nobody knows', async () => {
    expect(await refusal({ servers: ['nats://nowhere.invalid:4222'] })).to.match(
      /^NATS cannot be reached at nats:\/\/nowhere\.invalid:4222: its name (is not known|cannot be looked up now)$/,
    );
  });

  it('refuses who comes with no login, or a wrong one', async () => {
    const reason = 'authorization failed: it refuses this user and password, or these credentials';
    for (const login of [{}, { ...RIGHT, password: 'wrong' }])
      expect(await refusal(login)).to.equal(`NATS cannot be reached at URL: ${reason}`);
  });

  it('is given credentials that are none', async () => {
    expect(await refusal({ credentialsFile: join(dir, 'nonsense') })).to.equal(
      'NATS cannot be reached at URL: the credentials file holds no JWT and seed',
    );
  });

  it('does not speak TLS', async () => {
    expect(await refusal({ ...RIGHT, tls: {} })).to.equal(
      'NATS cannot be reached at URL: it does not speak TLS, which is asked for',
    );
  });

  it('is alone, and is to keep three replicas', async () => {
    expect(await refusal(RIGHT, 3)).to.equal(
      '3 replicas need a cluster of NATS servers, and this one is alone: set one up (docs/nats.md), or take one replica',
    );
  });
});
