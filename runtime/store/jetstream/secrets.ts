/** What all servers of a cluster share and nobody else may read, in a bucket of its own: made by whoever comes first. */
import type { NatsConnection } from 'nats';
import { headers } from 'nats';
import { hasErrorCode, type JetStreamApi, REQUEST_TIMEOUT_MS, STREAM_NAME_IN_USE } from './api.ts';

export class SharedSecrets {
  readonly #connection: NatsConnection;
  readonly #api: JetStreamApi;
  readonly #bucket: string;
  readonly #replicas: number;

  constructor(connection: NatsConnection, api: JetStreamApi, bucket: string, replicas: number) {
    this.#connection = connection;
    this.#api = api;
    this.#bucket = `${bucket}_secrets`;
    this.#replicas = replicas;
  }

  /** @throws Error where NATS does not answer */
  async get(name: string, make: () => Promise<string>): Promise<string> {
    const known = await this.#read(name);
    if (known !== undefined) return known;
    await this.#createBucket();
    const options = headers();
    options.append('Nats-Expected-Last-Subject-Sequence', '0');
    // Where another server was faster, or an answer was lost, what is stored counts.
    await this.#connection.request(this.#subject(name), await make(), {
      headers: options,
      timeout: REQUEST_TIMEOUT_MS,
    });
    const stored = await this.#read(name);
    if (stored === undefined) throw new Error(`the secret ${name} could not be stored in NATS`);
    return stored;
  }

  async #read(name: string): Promise<string | undefined> {
    const info = await this.#api.streamInfo(this.#stream);
    if (!info) return undefined;
    // As many copies as the objects have: they are needed as much.
    if (info.config.num_replicas !== this.#replicas) {
      await this.#api.updateStream({ ...info.config, num_replicas: this.#replicas });
    }
    const message = await this.#api.message(this.#stream, { last_by_subj: this.#subject(name) });
    return message && Buffer.from(message.data ?? '', 'base64').toString();
  }

  async #createBucket(): Promise<void> {
    const config = {
      name: this.#stream,
      subjects: [`$KV.${this.#bucket}.>`],
      description: 'mill: what its servers share',
      storage: 'file',
      num_replicas: this.#replicas,
      max_msgs_per_subject: 1,
      discard: 'new',
      deny_delete: true,
    } as const;
    await this.#api.createStream(config).catch((error: unknown) => {
      if (!hasErrorCode(error, STREAM_NAME_IN_USE)) throw error;
    });
  }

  get #stream(): string {
    return `KV_${this.#bucket}`;
  }

  #subject(name: string): string {
    return `$KV.${this.#bucket}.${name}`;
  }
}
