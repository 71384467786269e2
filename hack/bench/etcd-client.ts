/**
 * Puts to etcd from one client over one connection, in two ways: through Node's own gRPC client, as a program would, and over bare HTTP/2
 * (grpc/grpc, doc/PROTOCOL-HTTP2.md), which takes a fraction of the CPU, so that etcd is measured and not its client.
 */
import { once } from 'node:events';
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2';
import { Client, credentials } from '@grpc/grpc-js';
import { event } from './objects.ts';

const NAMES = 1_000;
const PUT = '/etcdserverpb.KV/Put';
const PUT_HEADERS = {
  ':method': 'POST',
  ':path': PUT,
  'content-type': 'application/grpc',
  te: 'trailers',
};
/** Of a gRPC message: a byte that says whether it is compressed, and its length. */
const PREFIX_BYTES = 5;
/** Fields of etcd's PutRequest (api/etcdserverpb/rpc.proto), both bytes: field number << 3 | 2. */
const KEY = 0x0a;
const VALUE = 0x12;

export interface EtcdClient {
  /** Resolves when it is on the disk of a majority. @throws Error with what etcd said */
  put(): Promise<void>;
  close(): Promise<void>;
}

export class GrpcEtcdClient implements EtcdClient {
  readonly #client: Client;
  readonly #puts = putRequests();
  #written = 0;

  /** @param url of one server, `http://…` */
  constructor(url: string) {
    this.#client = new Client(new URL(url).host, credentials.createInsecure());
  }

  put(): Promise<void> {
    const request = this.#puts[this.#written++ % NAMES] ?? Buffer.alloc(0);
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(PUT, asItIs, asItIs, request, (error) => {
        if (error) reject(new Error(`etcd did not take a put: ${error.message}`));
        else resolve();
      });
    });
  }

  async close(): Promise<void> {
    this.#client.close();
  }
}

const asItIs = (bytes: Buffer): Buffer => bytes;

export class LeanEtcdClient implements EtcdClient {
  readonly #session: ClientHttp2Session;
  readonly #puts = putRequests().map(withPrefix);
  #written = 0;

  private constructor(session: ClientHttp2Session) {
    this.#session = session;
  }

  /** @param url of one server, `http://…` */
  static async open(url: string): Promise<LeanEtcdClient> {
    const session = connect(url);
    await once(session, 'connect');
    session.on('error', () => {}); // each put that fails by it says so
    return new LeanEtcdClient(session);
  }

  async put(): Promise<void> {
    const stream = this.#session.request(PUT_HEADERS);
    let answer: IncomingHttpHeaders = {};
    const note = (headers: IncomingHttpHeaders) => {
      answer = headers;
    };
    stream.on('response', note); // an error may come with the first headers, and no trailers then
    stream.on('trailers', note);
    stream.resume(); // the message has the new revision, which nobody needs here
    stream.end(this.#puts[this.#written++ % NAMES]);
    await once(stream, 'close');
    if (answer['grpc-status'] === '0') return;
    throw new Error(`etcd did not take a put: ${answer['grpc-message'] ?? 'no answer'}`);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#session.close(resolve);
    });
  }
}

/** A put of each name, built once: what the client costs, etcd does not get. */
const putRequests = (): Buffer[] => {
  const value = bytesField(VALUE, JSON.stringify(event('event-0')));
  return Array.from({ length: NAMES }, (_, index) =>
    Buffer.concat([bytesField(KEY, `raw/events/event-${index}`), value]),
  );
};

function withPrefix(message: Buffer): Buffer {
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

function bytesField(tag: number, text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([tag, ...varint(bytes.length)]), bytes]);
}

/** Seven bits a byte, the lowest first; all but the last byte have the top bit set. */
function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >> 7)];
}
