/** A served world: the API over HTTP on loopback, with tokens for an operator and an agent, and raw requests. */

import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { createHttpClient, type HttpClient } from '../../../api/client/http.ts';
import { systemClock } from '../../../api/clock.ts';
import type { Log } from '../../../api/log.ts';
import { Authenticator } from '../../../api/server/authn.ts';
import { type ApiServer, type ApiServerOptions, createApiServer } from '../../../api/server/http/server.ts';
import { LogBroker } from '../../../api/server/logs.ts';
import { admin, controller, createWorld, type World } from './world.ts';

export const ADMIN_TOKEN = 'admin-token';
export const CONTROLLER_TOKEN = 'controller-token';

export interface Answer {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look at answers field by field
  readonly json: any;
}

export interface HttpWorld extends World {
  readonly url: string;
  readonly port: number;
  readonly logs: LogBroker;
  readonly logged: string[];
  readonly server: ApiServer;
  client(token?: string): HttpClient;
  send(method: string, path: string, options?: SendOptions): Promise<Answer>;
  /** Sends bytes as they are and gives back all that comes until the connection ends. */
  sendRaw(bytes: string): Promise<string>;
  close(): Promise<void>;
}

export interface SendOptions {
  readonly body?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  /** Empty: none is sent. */
  readonly token?: string;
}

/** `world.clock` is the test's; requests that only end by time are ended by moving it. */
export async function startHttpWorld(options: Partial<ApiServerOptions> = {}): Promise<HttpWorld> {
  const world = createWorld();
  const logged: string[] = [];
  const note = (fields: object, message: string) => logged.push(`${message} ${JSON.stringify(fields)}`);
  const log: Log = { debug: note, info: note, warn: note, error: note, child: () => log };
  const logs = new LogBroker({ clock: systemClock });
  const server = createApiServer({
    ...world,
    authenticator: new Authenticator(world.store.state, [
      { token: ADMIN_TOKEN, actor: admin },
      { token: CONTROLLER_TOKEN, actor: controller },
    ]),
    logs,
    log,
    version: '1.2.3',
    ...options,
  });
  const url = await server.listen('127.0.0.1', 0);
  const port = Number(new URL(url).port);
  const clients: HttpClient[] = [];
  const caOption = options.tls && 'ca' in options.tls ? { ca: String(options.tls.ca) } : {};
  return {
    ...world,
    url,
    port,
    logs,
    logged,
    server,
    client(token = ADMIN_TOKEN) {
      const client = createHttpClient({ server: url, token, ...caOption });
      clients.push(client);
      return client;
    },
    send: (method, path, sendOptions = {}) => send(port, method, path, sendOptions),
    sendRaw: (bytes) => sendRaw(port, bytes),
    async close() {
      for (const client of clients) client.close();
      await server.close();
    },
  };
}

function send(
  port: number,
  method: string,
  path: string,
  { body, headers, token = ADMIN_TOKEN }: SendOptions,
) {
  return new Promise<Answer>((resolve, reject) => {
    const request = httpRequest(
      {
        method,
        host: '127.0.0.1',
        port,
        path,
        agent: false,
        headers: {
          ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
          ...(token ? { authorization: `Bearer ${token}` } : {}),
          ...headers,
        },
      },
      async (response) => {
        const chunks: Buffer[] = [];
        try {
          for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
        } catch (error) {
          return reject(error);
        }
        const text = Buffer.concat(chunks).toString();
        const isJson = response.headers['content-type'] === 'application/json' && text !== '';
        const json = isJson ? JSON.parse(text) : undefined;
        resolve({ code: response.statusCode ?? 0, headers: response.headers, text, json });
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

function sendRaw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.end(bytes));
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
  });
}
