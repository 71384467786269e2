/** A request body on its way to a backend, which may be sent again while all of it is still at hand. */
import type { ClientRequest, IncomingMessage } from 'node:http';
import { trailerPairs } from './http-headers.ts';

/** How much of a body is kept in case it must be sent again. Bytes; covers forms and API calls, not uploads. */
const MAX_REPLAY_BYTES = 64 * 1024;

export class RequestBody {
  readonly #request: IncomingMessage;
  /** What was read so far; absent once it is more than is kept. */
  #read: Buffer[] | undefined = [];
  #readBytes = 0;
  #hasEnded = false;
  #sink: ClientRequest | undefined;

  constructor(request: IncomingMessage) {
    this.#request = request;
    request.on('data', (chunk: Buffer) => this.#forward(chunk)).on('end', () => this.#end());
    request.pause();
  }

  /** All of it, from its first byte, can be sent (again). */
  get isReplayable(): boolean {
    return this.#read !== undefined;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Sends what was already read, then what comes. */
  sendTo(sink: ClientRequest): void {
    this.#sink = sink;
    sink.on('drain', () => {
      if (this.#sink === sink) this.#request.resume();
    });
    for (const chunk of this.#read ?? []) sink.write(chunk);
    if (this.#hasEnded) this.#finish(sink);
    else this.#request.resume();
  }

  /** Stops sending; the rest stays unread. */
  detach(): void {
    this.#sink = undefined;
    if (!this.#hasEnded) this.#request.pause();
  }

  /** Reads the rest and throws it away: the next request on this connection stands behind it. */
  discard(): void {
    this.#sink = undefined;
    this.#read = undefined;
    this.#request.resume();
  }

  #forward(chunk: Buffer): void {
    this.#readBytes += chunk.length;
    if (this.#readBytes > MAX_REPLAY_BYTES) this.#read = undefined;
    this.#read?.push(chunk);
    if (this.#sink !== undefined && !this.#sink.write(chunk)) this.#request.pause();
  }

  #end(): void {
    this.#hasEnded = true;
    if (this.#sink !== undefined) this.#finish(this.#sink);
  }

  #finish(sink: ClientRequest): void {
    if (this.#request.rawTrailers.length > 0) sink.addTrailers(trailerPairs(this.#request.rawTrailers));
    sink.end();
  }
}
