/** A request that turns its connection into something else (`Upgrade`, `CONNECT`): forwarded, then spliced. */
import { type ClientRequest, request as httpRequest, type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { type Assignee, Assignment, type Refusal } from './assignment.ts';
import { hasBody, responseHeaders, upgradeHeaders } from './http-headers.ts';
import { describeRefusal, MAX_HEADER_BYTES, type Rejection, unanswered } from './http-rejection.ts';
import type { Member } from './member.ts';
import type { ServicePort } from './service-port.ts';
import { splice } from './tcp-splice.ts';

export class UpgradeExchange implements Assignee {
  readonly #request: IncomingMessage;
  readonly #client: Socket;
  /** What the client sent behind the request's head: it is for the other protocol. */
  readonly #clientHead: Buffer;
  readonly #port: ServicePort;
  readonly #assignment: Assignment;
  #member: Member | undefined;
  #upstream: ClientRequest | undefined;
  #backend: Socket | undefined;
  #wasAnswered = false;

  constructor(request: IncomingMessage, client: Socket, clientHead: Buffer, port: ServicePort) {
    this.#request = request;
    this.#client = client;
    this.#clientHead = clientHead;
    this.#port = port;
    this.#assignment = new Assignment(port.pool, this);
  }

  start(): void {
    this.#port.counters.requests += 1;
    this.#client.once('close', () => this.#clientClosed());
    // Its body would be read as the other protocol's first bytes.
    if (hasBody(this.#request))
      this.#reject({ status: 501, reason: 'an upgrade with a body is not supported' });
    else this.#assignment.seek();
  }

  assigned(member: Member): void {
    const { backend, agent } = member;
    const { method, url } = this.#request;
    this.#member = member;
    const upstream = httpRequest({
      agent,
      method,
      path: url,
      headers: upgradeHeaders(this.#request, `${backend.host}:${backend.port}`),
      maxHeaderSize: MAX_HEADER_BYTES,
    });
    this.#upstream = upstream;
    const join = (answer: IncomingMessage, socket: Socket, head: Buffer) => this.#join(answer, socket, head);
    upstream.on('upgrade', join).on('connect', join);
    upstream.on('response', (answer) => this.#relay(answer));
    upstream.on('error', (error) => this.#failed(upstream, error));
    upstream.on('close', () => {
      if (upstream === this.#upstream && this.#backend === undefined) this.#assignment.release();
    });
    upstream.end();
  }

  refused(refusal: Refusal): void {
    this.#reject(describeRefusal(refusal, this.#port));
  }

  cut(reason: Error): void {
    if (this.#backend === undefined) {
      this.#wasAnswered = true;
      this.#upstream?.destroy(reason);
    } else {
      this.#port.counters.failures += 1;
      this.#backend.destroy();
    }
    this.#client.resetAndDestroy();
  }

  #join(answer: IncomingMessage, backend: Socket, head: Buffer): void {
    this.#wasAnswered = true;
    this.#backend = backend;
    backend.on('error', () => {});
    backend.once('close', () => this.#assignment.release());
    if (this.#client.destroyed) {
      backend.destroy();
      return;
    }
    this.#client.write(statusAndFields(answer, answer.rawHeaders), 'latin1');
    if (head.length > 0) this.#client.write(head);
    if (this.#clientHead.length > 0) backend.write(this.#clientHead);
    splice(this.#client, backend);
  }

  /** The backend goes on with HTTP: its answer is passed on and ends with the connection. */
  #relay(answer: IncomingMessage): void {
    this.#wasAnswered = true;
    const fields = [...responseHeaders(answer, false), 'Connection', 'close'];
    this.#client.write(statusAndFields(answer, fields), 'latin1');
    answer.on('error', () => this.#client.resetAndDestroy());
    answer.pipe(this.#client);
    // What the client still sends has nobody to read it, and unread it would turn the close into a reset.
    this.#client.resume();
  }

  #failed(upstream: ClientRequest, error: Error): void {
    if (upstream !== this.#upstream || this.#wasAnswered || this.#client.destroyed) return;
    if (this.#member?.agent.wasEstablished(upstream.socket) === false) {
      this.#upstream = undefined;
      this.#assignment.seekElsewhere();
      return;
    }
    const isStale = upstream.reusedSocket && this.#request.method === 'GET' && this.#assignment.mayTryAgain;
    if (!isStale) {
      this.#reject(unanswered(this.#port, this.#member, error));
      return;
    }
    this.#upstream = undefined;
    this.#member?.agent.dropIdle();
    this.#assignment.release();
    this.#assignment.seek();
  }

  #reject({ status, reason, retryAfterSeconds }: Rejection): void {
    this.#wasAnswered = true;
    if (status >= 500) this.#port.counters.failures += 1;
    this.#assignment.release();
    const retry = retryAfterSeconds === undefined ? '' : `Retry-After: ${retryAfterSeconds}\r\n`;
    this.#client.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: text/plain; charset=utf-8\r\n` +
        `${retry}Connection: close\r\n\r\n${reason}\n`,
    );
    this.#client.resume();
  }

  #clientClosed(): void {
    if (this.#backend !== undefined) return;
    if (this.#upstream === undefined) this.#assignment.release();
    else this.#upstream.destroy();
  }
}

function statusAndFields({ statusCode, statusMessage }: IncomingMessage, fields: readonly string[]): string {
  let head = `HTTP/1.1 ${statusCode} ${statusMessage}\r\n`;
  for (let index = 0; index + 1 < fields.length; index += 2)
    head += `${fields[index]}: ${fields[index + 1]}\r\n`;
  return `${head}\r\n`;
}
