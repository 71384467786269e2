// Follows the objects of a mill cluster on NATS and prints a JSON line a change. docs/watch-streams.md says what it relies on.
//   node consumer.mjs tls://nats-1.example.com:4222,tls://nats-2.example.com:4222 mill-reader.password ca.crt
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { connect, createInbox, NatsError } from 'nats';

const STREAM = 'KV_mill';
const INBOX = '_INBOX_reader'; // it may listen nowhere else
/** Deletions are kept for an hour: who was away for half of that reads everything again. */
const LONGEST_GAP_MS = 30 * 60_000;
const HEARTBEAT_MS = 500;
/** After so long without a record or a heartbeat the server behind the consumer is given up. */
const SILENCE_MS = 2_000;

const [servers = '', passwordFile = '', caFile = ''] = process.argv.slice(2);
const connection = await connect({
  servers: servers.split(','),
  user: 'mill-reader',
  pass: readFileSync(passwordFile, 'utf8').trim(),
  tls: { ca: readFileSync(caFile, 'utf8') },
  inboxPrefix: INBOX,
  maxReconnectAttempts: -1,
  pingInterval: 1_000, // a server that hangs is left soon
});
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const ask = async (operation, body) => {
  const answer = (await connection.request(`$JS.API.${operation}`, JSON.stringify(body))).json();
  if (answer.error) throw new NatsError(answer.error.description, String(answer.error.code));
  return answer;
};

/** Key (`nodes.node-3`) → object. */
let objects = new Map();
let revision = 0;
let created;
let heardMs = Date.now();

for (;;) {
  const reason = await follow().catch((error) => {
    if (!(error instanceof NatsError)) throw error;
    return error.message;
  });
  say({ type: 'broken', reason });
  await setTimeout(HEARTBEAT_MS);
}

/** Goes on after `revision` where that is safe, else from the beginning. @returns why it ended */
async function follow() {
  const { created: made, state } = await ask(`STREAM.INFO.${STREAM}`);
  created ??= made;
  if (made !== created) throw new Error('the stream was made anew: it is another store');
  if (state.last_seq < revision)
    throw new Error(`the stream ends before revision ${revision}: it lost writes`);
  if (Date.now() - heardMs > LONGEST_GAP_MS) [objects, revision] = [new Map(), 0];

  const subscription = connection.subscribe(createInbox(INBOX));
  const openedMs = Date.now();
  const watch = setInterval(() => {
    if (Date.now() - Math.max(heardMs, openedMs) > SILENCE_MS) subscription.unsubscribe();
  }, HEARTBEAT_MS);
  try {
    await ask(`CONSUMER.CREATE.${STREAM}`, {
      stream_name: STREAM,
      config: {
        deliver_subject: subscription.getSubject(),
        deliver_policy: 'by_start_sequence',
        opt_start_seq: revision + 1,
        ack_policy: 'none',
        idle_heartbeat: HEARTBEAT_MS * 1e6,
        inactive_threshold: 10e9,
        mem_storage: true,
        num_replicas: 1,
      },
    });
    return await readFrom(subscription, state.last_seq);
  } finally {
    clearInterval(watch);
    subscription.unsubscribe();
  }
}

async function readFrom(subscription, last) {
  let isCurrent = false;
  let delivered = 0;
  for await (const message of subscription) {
    heardMs = Date.now();
    // `$JS.ACK.<stream>.<consumer>.<attempt>.<stream sequence>.<consumer sequence>.<time>.<pending>`, or a heartbeat.
    const [sequence, count, , pending] = (message.reply ?? '').split('.').slice(-4).map(Number);
    const isRecord = message.headers?.code !== 100;
    const expected = isRecord ? count - 1 : Number(message.headers.get('Nats-Last-Consumer'));
    if (expected > delivered) return 'a record was lost on the way';
    if (isRecord) {
      delivered = count;
      take(message, sequence);
    }
    if (isCurrent || !(revision >= last || (isRecord && pending === 0))) continue;
    isCurrent = true;
    say({ type: 'current', revision, objects: objects.size });
  }
  return 'nothing was heard';
}

function take({ subject, headers, data }, sequence) {
  const key = subject.slice('$KV.mill.'.length);
  // What begins with `_.` is of mill's own.
  if (!key.startsWith('_.')) {
    const isDeleted = Boolean(headers?.get('KV-Operation'));
    if (isDeleted) objects.delete(key);
    else objects.set(key, JSON.parse(new TextDecoder().decode(data)));
    say({ type: isDeleted ? 'deleted' : 'put', key, revision: sequence });
  }
  revision = sequence;
}
