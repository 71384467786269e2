/** Three servers from the files in `manifests/nats/`: who gets in, and who may do what. */
import { connect as dial } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { connect, type NatsConnection, StringCodec } from 'nats';
import { type Log, silentLog } from '../../../api/log.ts';
import type { Login } from '../../../hack/nats/health.ts';
import type { NatsRelease } from '../../../hack/nats/releases.ts';
import { type Nats, startNats } from '../../../hack/nats/servers.ts';
import type { JetStreamStore } from '../../../runtime/store/jetstream/store.ts';
import { openStore, productionOptions } from '../../vocabulary/jetstream.ts';
import { natsDir, needsNats, needsProgram } from '../../vocabulary/nats.ts';
import { actor, blindly, event, lease, put, remove } from '../objects.ts';

const PATIENCE_MS = 60_000;
const REQUEST_TIMEOUT_MS = 2_000;
const TEXT = StringCodec();
const VIOLATION = /permissions.violation/i;

for (const release of ['current', 'stable'] satisfies NatsRelease[]) describeProduction(release);

function describeProduction(release: NatsRelease): void {
  describe(`NATS servers of manifests/nats, release ${release},`, function () {
    this.timeout(2 * PATIENCE_MS);
    let nats: Nats;
    const stores: JetStreamStore[] = [];
    /** What the engine was told that it may not do. */
    const refusals: object[] = [];
    const open: NatsConnection[] = [];

    before(async function () {
      needsProgram(this, 'openssl');
      await needsNats(this, release);
      nats = await startNats({ dir: await natsDir(), release, servers: 3, production: true });
      for (const server of ['server-1', 'server-2']) stores.push(await store(server));
      await stores[0]?.commit(actor, blindly(put(event('first'))));
      await stores[0]?.secret('ca', async () => 'secret');
    });
    afterEach(async () => {
      for (const connection of open.splice(0)) await connection.close();
    });
    after(async () => {
      for (const each of stores) await each.close();
      await nats?.close();
    });

    /** The engine of a mill server; the first one commits for both. */
    function store(serverId: string): Promise<JetStreamStore> {
      const refused: Log = {
        ...silentLog,
        warn: (fields, message) =>
          VIOLATION.test(JSON.stringify(fields)) && refusals.push({ ...fields, message }),
        child: () => refused,
      };
      return openStore({
        nats: productionOptions(nats),
        dir: join(nats.dir, serverId),
        serverId,
        log: refused,
        writer: () => 'server-1',
      });
    }

    async function as(login: Partial<Login>, inboxPrefix = '_INBOX'): Promise<NatsConnection> {
      const connection = await connect({ ...login, servers: nats.urls, inboxPrefix, reconnect: false });
      open.push(connection);
      return connection;
    }
    const mill = () => as(nats.production.logins.mill);
    const reader = () => as(nats.production.logins.reader, '_INBOX_reader');

    /** What JetStream answers; a request that is not allowed gets no answer, and the connection hears of it. */
    async function ask(connection: NatsConnection, subject: string, body: object = {}): Promise<Answer> {
      const refused = refusal(connection);
      const answered = connection
        .request(subject, TEXT.encode(JSON.stringify(body)), { timeout: REQUEST_TIMEOUT_MS })
        .then((message) => message.json<Answer>());
      answered.catch(() => undefined);
      return Promise.race([answered, refused]);
    }

    const consumer = (deliver_subject: string) => ({
      ack_policy: 'none',
      deliver_policy: 'all',
      inactive_threshold: 60e9,
      mem_storage: true,
      num_replicas: 1,
      deliver_subject,
    });

    it('let the servers of mill do all that their engine does', async () => {
      const [first, second] = stores;
      // The second server's go over to the first one.
      await second?.commit(actor, blindly(put(event('one')), put(event('two'))));
      await second?.commit(actor, blindly(remove('one')));
      await second?.commit(actor, blindly(put(lease('node-1'))));
      await first?.barrier();
      expect(first?.state.list('Event').map(({ metadata }) => metadata.name)).to.include('two');
      expect(await second?.secret('ca', async () => 'another')).to.equal('secret');
      expect(await first?.replicas()).to.have.length(3);
      expect(refusals).to.deep.equal([]);
    });

    it('let the servers of mill clear away old deletions', async () => {
      const connection = await mill();
      const purge = { filter: '$KV.mill.events.one', seq: 1 };
      expect((await ask(connection, '$JS.API.STREAM.PURGE.KV_mill', purge)).error).to.equal(undefined);
    });

    it('do not let a server of mill delete a stream', async () => {
      const answer = await ask(await mill(), '$JS.API.STREAM.DELETE.KV_mill').catch(String);
      expect(answer).to.match(VIOLATION);
    });

    it('show a reader the objects', async () => {
      const connection = await reader();
      const first = new Promise<string>((resolve) => {
        connection.subscribe('_INBOX_reader.watch', { callback: (_, { subject }) => resolve(subject) });
      });
      await connection.flush();
      const answer = await ask(connection, '$JS.API.CONSUMER.CREATE.KV_mill', {
        stream_name: 'KV_mill',
        config: consumer('_INBOX_reader.watch'),
      });
      expect(answer.error).to.equal(undefined);
      expect(await first).to.equal('$KV.mill._.store');
    });

    it('bear a reader who has objects delivered to a server of mill as if they were commits', async () => {
      const connection = await reader();
      const config = consumer('mill.mill.commit.server-1');
      const answer = await ask(connection, '$JS.API.CONSUMER.CREATE.KV_mill', {
        stream_name: 'KV_mill',
        config,
      });
      expect(answer.error).to.equal(undefined);
      await stores[1]?.commit(actor, blindly(put(event('unharmed'))));
      await stores[0]?.barrier();
      expect(stores[0]?.state.get('Event', 'unharmed')).to.not.equal(undefined);
    });

    const CONSUMER = { stream_name: 'KV_mill_secrets', config: { ack_policy: 'none' } };
    for (const [what, subject, body] of [
      ['write an object', '$KV.mill.events.first', {}],
      ['write a secret', '$KV.mill_secrets.ca', {}],
      ['write a lease', '$KV.mill_leases.node-1', {}],
      ['hand a commit to a server', 'mill.mill.commit.server-1', {}],
      ['watch the secrets', '$JS.API.CONSUMER.CREATE.KV_mill_secrets', CONSUMER],
      ['get a secret', '$JS.API.STREAM.MSG.GET.KV_mill_secrets', { seq: 1 }],
      ['get a secret directly', '$JS.API.DIRECT.GET.KV_mill_secrets.$KV.mill_secrets.ca', {}],
      ['empty the stream', '$JS.API.STREAM.PURGE.KV_mill', {}],
      ['delete the stream', '$JS.API.STREAM.DELETE.KV_mill', {}],
      ['change the stream', '$JS.API.STREAM.UPDATE.KV_mill', {}],
      ['name the consumers of others', '$JS.API.CONSUMER.NAMES.KV_mill', {}],
    ] as const) {
      it(`do not let a reader ${what}`, async () => {
        expect(await ask(await reader(), subject, body).catch(String)).to.match(VIOLATION);
      });
    }

    it('do not let a reader reach the secrets by the name of another stream', async () => {
      const answer = await ask(await reader(), '$JS.API.CONSUMER.CREATE.KV_mill', CONSUMER);
      expect(answer.error?.description).to.match(/does not match/);
    });

    it('do not let a reader hear what is answered to the servers of mill', async () => {
      const connection = await reader();
      const refused = refusal(connection);
      connection.subscribe('_INBOX.>');
      expect(await refused.catch(String)).to.match(VIOLATION);
    });

    it('show the administrator of the servers no object', async () => {
      const connection = await as(nats.production.logins.admin);
      const reports = await connection.request('$SYS.REQ.SERVER.PING', '', { timeout: REQUEST_TIMEOUT_MS });
      expect(reports.json<{ server: { name: string } }>().server.name).to.match(/^nats-[123]$/);
      const answer = await connection
        .request('$JS.API.STREAM.INFO.KV_mill', '', { timeout: REQUEST_TIMEOUT_MS })
        .then((message) => message.json<Answer>().error?.description, String);
      expect(answer).to.match(/not enabled|503|no responders/i);
    });

    it('refuse a wrong password', async () => {
      const login = { ...nats.production.logins.mill, pass: 'guess' };
      expect(await as(login).catch((error) => error.code)).to.equal('AUTHORIZATION_VIOLATION');
    });

    it('refuse whoever has no name', async () => {
      const { tls } = nats.production.logins.mill;
      expect(await as({ tls }).catch((error) => error.code)).to.equal('AUTHORIZATION_VIOLATION');
    });

    it('do not speak without TLS', async () => {
      const { user, pass } = nats.production.logins.mill;
      const socket = dial(Number(new URL(nats.urls[0] ?? '').port), '127.0.0.1');
      socket.write(`CONNECT ${JSON.stringify({ user, pass, verbose: true })}\r\nPING\r\n`);
      socket.on('error', () => socket.destroy());
      const lines: string[] = [];
      for await (const line of createInterface({ input: socket })) lines.push(line);
      expect(lines[0]).to.match(/^INFO .*"tls_required":true/);
      expect(lines.join('\n')).to.not.match(/^(\+OK|PONG)/m);
    });

    it('are known by their own authority alone', async () => {
      const { user, pass } = nats.production.logins.mill;
      const failure = await connect({ user, pass, tls: {}, servers: nats.urls, reconnect: false }).catch(
        String,
      );
      expect(failure).to.match(/certificate/);
    });
  });
}

interface Answer {
  readonly error?: { readonly code: number; readonly description: string };
  readonly message?: { readonly subject: string };
}

/** Rejects with what the server says against the next thing that a connection is not allowed. */
function refusal(connection: NatsConnection): Promise<never> {
  return (async () => {
    for await (const status of connection.status()) {
      if (status.type === 'error')
        throw new Error(`${status.data} ${status.permissionContext?.subject ?? ''}`);
    }
    throw new Error('the connection was closed');
  })();
}
