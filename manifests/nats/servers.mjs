// For whoever looks after the NATS servers: shows where mill's streams are, and takes a server out that does not come back.
//   node servers.mjs tls://nats-1.example.com:4222,… admin.password ca.crt list
//   node servers.mjs tls://nats-1.example.com:4222,… admin.password ca.crt remove nats-3
import { readFileSync } from 'node:fs';
import { connect, RequestStrategy } from 'nats';

const TIMEOUT_MS = 5_000;
/** After so long without another answer all have answered. */
const QUIET_MS = 500;

const [servers = '', passwordFile = '', caFile = '', command = '', name = ''] = process.argv.slice(2);
const isUnderstood = command === 'list' || (command === 'remove' && name !== '');
if (!isUnderstood) {
  process.stderr.write('usage: node servers.mjs URLS PASSWORD-FILE CA-FILE list | remove NAME\n');
  process.exit(2);
}
const connection = await connect({
  servers: servers.split(','),
  user: 'admin',
  pass: readFileSync(passwordFile, 'utf8').trim(),
  tls: { ca: readFileSync(caFile, 'utf8') },
  timeout: TIMEOUT_MS,
  reconnect: false,
});
try {
  if (command === 'list') await list();
  else await remove();
} finally {
  await connection.close();
}

/** One line a stream and server: what the stream's leader knows of its replicas. */
async function list() {
  const answers = await connection.requestMany(
    '$SYS.REQ.SERVER.PING.JSZ',
    JSON.stringify({ accounts: true, streams: true }),
    { strategy: RequestStrategy.JitterTimer, jitter: QUIET_MS, maxWait: TIMEOUT_MS },
  );
  const lines = [];
  for await (const answer of answers) {
    const { server, data } = answer.json();
    const streams = (data.account_details ?? []).flatMap((account) => account.stream_detail ?? []);
    for (const stream of streams.filter(({ cluster }) => cluster?.leader === server.name)) {
      lines.push([stream.name, server.name, 'leader', stream.state.last_seq]);
      for (const { name: replica, current, offline, lag = 0 } of stream.cluster.replicas ?? []) {
        lines.push([
          stream.name,
          replica,
          offline ? 'offline' : current ? 'current' : 'behind',
          `lag ${lag}`,
        ]);
      }
    }
  }
  for (const line of lines.sort()) process.stdout.write(`${line.join('\t')}\n`);
}

/** Its streams get a replica on another server, where there is one. */
async function remove() {
  const body = JSON.stringify({ peer: name });
  const request = connection.request('$JS.API.SERVER.REMOVE', body, { timeout: TIMEOUT_MS });
  const unanswered = {
    error: { description: 'no leader of the NATS servers answers; try again in a moment' },
  };
  const answer = await request.then((reply) => reply.json()).catch(() => unanswered);
  if (answer.error) {
    process.stderr.write(`${name} was not removed: ${answer.error.description}\n`);
    process.exitCode = 1;
    return;
  }
  process.stdout.write(`${name} is removed: run list until its streams are current on another server\n`);
}
