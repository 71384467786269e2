/** One HTTP request through the gateway: to a backend, and the response back. */
import {
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { type Assignee, Assignment, type Refusal } from './assignment.ts';
import { RequestBody } from './http-body.ts';
import { hasBody, requestHeaders, responseHeaders, trailerPairs } from './http-headers.ts';
import { describeRefusal, MAX_HEADER_BYTES, type Rejection, unanswered } from './http-rejection.ts';
import type { Member } from './member.ts';
import type { ServicePort } from './service-port.ts';

/** Sending one of these twice is the same as sending it once (RFC 9110 9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

export class HttpExchange implements Assignee {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #port: ServicePort;
  readonly #assignment: Assignment;
  readonly #body: RequestBody | undefined;
  #member: Member | undefined;
  #upstream: ClientRequest | undefined;
  /** The backend has begun to answer, if only with a 1xx. */
  #wasHeard = false;
  #isOver = false;

  constructor(request: IncomingMessage, response: ServerResponse, port: ServicePort) {
    this.#request = request;
    this.#response = response;
    this.#port = port;
    this.#assignment = new Assignment(port.pool, this);
    this.#body = hasBody(request) ? new RequestBody(request) : undefined;
  }

  start(): void {
    this.#port.counters.requests += 1;
    this.#response.on('error', () => {});
    this.#response.once('close', () => this.#clientClosed());
    this.#assignment.seek();
  }

  assigned(member: Member): void {
    const { backend, agent } = member;
    const { method, url } = this.#request;
    this.#member = member;
    let upstream: ClientRequest;
    try {
      upstream = httpRequest({
        agent,
        method,
        path: url,
        headers: requestHeaders(this.#request, `${backend.host}:${backend.port}`),
        maxHeaderSize: MAX_HEADER_BYTES,
      });
    } catch {
      // A target or a field that the server's parser lets pass and the client's does not.
      this.#reject({ status: 400, reason: 'the request cannot be forwarded' });
      return;
    }
    this.#upstream = upstream;
    upstream.on('error', (error) => this.#failed(upstream, error));
    upstream.on('close', () => {
      if (upstream === this.#upstream) this.#assignment.release();
    });
    upstream.on('information', (info: { statusCode: number; headers: object }) => this.#pass1xx(info));
    upstream.on('response', (answer) => this.#respond(upstream, answer));
    if (this.#body === undefined) upstream.end();
    else sendOnceConnected(this.#body, upstream);
  }

  refused(refusal: Refusal): void {
    this.#reject(describeRefusal(refusal, this.#port));
  }

  cut(reason: Error): void {
    this.#wasHeard = true;
    this.#upstream?.destroy(reason);
  }

  /** A 1xx answer, for a client that can take one. */
  #pass1xx({ statusCode, headers }: { statusCode: number; headers: object }): void {
    this.#wasHeard = true;
    if (this.#request.httpVersionMinor === 0 || this.#response.headersSent) return;
    if (statusCode === 100 && this.#request.headers.expect !== undefined) this.#response.writeContinue();
    if (statusCode === 102) this.#response.writeProcessing();
    if (statusCode !== 103) return;
    try {
      this.#response.writeEarlyHints({ ...headers });
    } catch {
      // A link that Node's writer does not understand: a hint may be left out, the answer itself still comes.
    }
  }

  #respond(upstream: ClientRequest, answer: IncomingMessage): void {
    const response = this.#response;
    this.#wasHeard = true;
    if (this.#member !== undefined) this.#member.speaksHttp = true;
    answer.on('error', (error) => this.#failed(upstream, error));
    const isChunked =
      this.#request.httpVersionMinor > 0 &&
      this.#request.method !== 'HEAD' &&
      answer.headers['transfer-encoding'] !== undefined;
    try {
      response.writeHead(answer.statusCode ?? 0, answer.statusMessage, responseHeaders(answer, isChunked));
    } catch (error) {
      upstream.destroy();
      this.#failed(upstream, new Error('the answer cannot be forwarded', { cause: error }));
      return;
    }
    answer.on('data', (chunk: Buffer) => {
      if (!response.write(chunk)) answer.pause();
    });
    response.on('drain', () => answer.resume());
    answer.on('end', () => this.#finish(upstream, answer));
  }

  #finish(upstream: ClientRequest, answer: IncomingMessage): void {
    this.#isOver = true;
    if (answer.rawTrailers.length > 0) this.#response.addTrailers(trailerPairs(answer.rawTrailers));
    this.#response.end();
    if (this.#body === undefined || this.#body.hasEnded) return;
    // Answered before it read the whole request: it does not want the rest.
    this.#body.discard();
    upstream.destroy();
  }

  #failed(upstream: ClientRequest, error: Error): void {
    if (upstream !== this.#upstream || this.#isOver) return;
    const { agent } = this.#member ?? {};
    this.#body?.detach();
    if (!this.#wasHeard && agent?.wasEstablished(upstream.socket) === false) {
      this.#upstream = undefined;
      this.#assignment.seekElsewhere();
      return;
    }
    if (this.#maySendAgain(upstream)) {
      this.#upstream = undefined;
      // The others that are idle to it have most likely been closed with this one.
      agent?.dropIdle();
      this.#assignment.release();
      this.#assignment.seek();
      return;
    }
    this.#reject(unanswered(this.#port, this.#member, error));
  }

  /** The backend closed an idle connection while the request was on its way: it has not looked at it. */
  #maySendAgain(upstream: ClientRequest): boolean {
    if (this.#wasHeard || !upstream.reusedSocket || !this.#assignment.mayTryAgain) return false;
    if (!IDEMPOTENT.has(this.#request.method ?? '')) return false;
    return this.#body === undefined || this.#body.isReplayable;
  }

  #reject({ status, reason, retryAfterSeconds }: Rejection): void {
    this.#isOver = true;
    if (status >= 500) this.#port.counters.failures += 1;
    this.#assignment.release();
    // Half an answer must not look like a whole one.
    if (this.#response.headersSent) {
      this.#response.destroy();
      return;
    }
    this.#body?.discard();
    const text = `${reason}\n`;
    this.#response.writeHead(status, {
      'Content-Type': 'text/plain; charset=utf-8',
      'Content-Length': Buffer.byteLength(text),
      ...(retryAfterSeconds === undefined ? {} : { 'Retry-After': retryAfterSeconds }),
    });
    this.#response.end(text);
  }

  #clientClosed(): void {
    if (this.#response.writableFinished) return;
    this.#isOver = true;
    if (this.#upstream === undefined) this.#assignment.release();
    else this.#upstream.destroy();
  }
}

/** A body is read only when there is a connection for it, so that a backend that refuses costs nothing of it. */
function sendOnceConnected(body: RequestBody, upstream: ClientRequest): void {
  upstream.once('socket', (socket) => {
    if (socket.connecting) socket.once('connect', () => body.sendTo(upstream));
    else body.sendTo(upstream);
  });
}
