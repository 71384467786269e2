/** What each NATS server has stored of a stream, read from that server alone, without any of the engine's code. */
import { connect, type Msg, type NatsConnection } from 'nats';

/** An object as a copy holds it. */
export interface StoredObject {
  readonly object: string;
  readonly revision: number;
  readonly attempt: string;
  readonly text: string;
}

/** A record as a server has stored it. */
export interface StoredRecord {
  readonly sequence: number;
  readonly subject: string;
  readonly id: string;
  readonly isDeletion: boolean;
  readonly text: string;
}

const REQUEST_TIMEOUT_MS = 5_000;
const PLACEMENTS = 60;
const SILENCE_MS = 10_000;
const FORGET_NANOS = 30e9;

/** The records of each server that keeps the stream, by its name. @throws Error where one cannot be read */
export async function readReplicas(
  url: string,
  stream: string,
  count: number,
): Promise<ReadonlyMap<string, readonly StoredRecord[]>> {
  const connection = await connect({ servers: url });
  try {
    const replicas = new Map<string, readonly StoredRecord[]>();
    // A consumer without replicas stands on one of the stream's servers, of NATS's choice, and reads what that one has.
    for (let tries = 0; replicas.size < count && tries < PLACEMENTS; tries++) {
      await readOne(connection, stream, replicas);
    }
    if (replicas.size < count) throw new Error(`only ${[...replicas.keys()]} of ${count} replicas were read`);
    return replicas;
  } finally {
    await connection.close();
  }
}

interface Consumer {
  readonly num_pending: number;
  readonly cluster?: { readonly leader?: string };
  readonly error?: { readonly description: string };
}

async function readOne(
  connection: NatsConnection,
  stream: string,
  replicas: Map<string, readonly StoredRecord[]>,
): Promise<void> {
  const inbox = `_INBOX.${crypto.randomUUID()}`;
  const records: StoredRecord[] = [];
  let look = () => {};
  const subscription = connection.subscribe(inbox, {
    callback: (_error, message) => {
      records.push(recordOf(message));
      look();
    },
  });
  try {
    const { num_pending: pending, cluster } = await createConsumer(connection, stream, inbox);
    const name = cluster?.leader ?? 'alone';
    if (replicas.has(name)) return;
    await new Promise<void>((resolve, reject) => {
      const silent = () => reject(new Error(`${name} has not sent ${pending} records of ${stream}`));
      const late = setTimeout(silent, SILENCE_MS);
      look = () => {
        if (records.length < pending) return;
        clearTimeout(late);
        resolve();
      };
      look();
    });
    replicas.set(name, records);
  } finally {
    subscription.unsubscribe();
  }
}

function recordOf(message: Msg): StoredRecord {
  const tokens = (message.reply ?? '').split('.');
  return {
    sequence: Number(tokens[tokens.length > 9 ? 7 : 5]),
    subject: message.subject,
    id: message.headers?.get('Mill-Attempt') ?? '',
    isDeletion: message.headers?.get('KV-Operation') === 'DEL',
    text: message.string(),
  };
}

async function createConsumer(connection: NatsConnection, stream: string, inbox: string): Promise<Consumer> {
  const config = {
    deliver_subject: inbox,
    deliver_policy: 'all',
    ack_policy: 'none',
    num_replicas: 1,
    mem_storage: true,
    inactive_threshold: FORGET_NANOS,
  };
  const request = JSON.stringify({ stream_name: stream, config });
  const reply = await connection.request(`$JS.API.CONSUMER.CREATE.${stream}`, request, {
    timeout: REQUEST_TIMEOUT_MS,
  });
  const consumer = reply.json<Consumer>();
  if (consumer.error) throw new Error(consumer.error.description);
  return consumer;
}

/** Text of a JSON value that does not depend on the order of its fields. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
