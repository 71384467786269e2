/**
 * Puts to etcd from one client over one connection: gRPC, as it is spoken over HTTP/2 (grpc/grpc, doc/PROTOCOL-HTTP2.md), by
 * Node's own http2. @grpc/grpc-js took several times the CPU for each put, so it would have measured itself instead of etcd.
 */
import { once } from 'node:events';
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2';
import { event } from './objects.ts';

const NAMES = 1_000;
const PUT_HEADERS = {
  ':method': 'POST',
  ':path': '/etcdserverpb.KV/Put',
  'content-type': 'application/grpc',
  te: 'trailers',
};
/** Of a gRPC message: a byte that says whether it is compressed, and its length. */
const PREFIX_BYTES = 5;
/** Fields of etcd's PutRequest (api/etcdserverpb/rpc.proto), both bytes: field number << 3 | 2. */
const KEY = 0x0a;
const VALUE = 0x12;

export class EtcdClient {
  readonly #session: ClientHttp2Session;
  /** A put of each name, built once: what the client costs, etcd does not get. */
  readonly #puts = Array.from({ length: NAMES }, (_, index) => putRequest(`raw/events/event-${index}`));
  #written = 0;

  private constructor(session: ClientHttp2Session) {
    this.#session = session;
  }

  /** @param url of one server, `http://…` */
  static async open(url: string): Promise<EtcdClient> {
    const session = connect(url);
    await once(session, 'connect');
    session.on('error', () => {}); // each put that fails by it says so
    return new EtcdClient(session);
  }

  /** Resolves when it is on the disk of a majority. @throws Error with what etcd said */
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

function putRequest(key: string): Buffer {
  const value = JSON.stringify(event('event-0'));
  const message = Buffer.concat([bytesField(KEY, key), bytesField(VALUE, value)]);
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
