/** The requests that are open at one server, and how far each has come. */
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { ConnectionError } from './client.ts';
import type { Pulse } from './pulse.ts';

export interface RequestOptions {
  /** A value is sent as JSON, a stream as it is. */
  readonly body?: unknown;
  readonly stream?: Readable;
  readonly contentType?: string;
  readonly accept?: string;
  /** The answer may be silent for any time. */
  readonly unlimited?: boolean;
  /** Who reads the answer goes on elsewhere when it is broken off. */
  readonly resumable?: boolean;
  readonly signal?: AbortSignal | undefined;
}

interface Open {
  readonly request: ClientRequest;
  readonly isResumable: boolean;
  response?: IncomingMessage;
}

export class OpenRequests {
  readonly #pulse: Pulse | undefined;
  readonly #open = new Set<Open>();

  /** @param pulse listens for as long as a request is open */
  constructor(pulse: Pulse | undefined) {
    this.#pulse = pulse;
  }

  /** Follows a request to its end. */
  add(request: ClientRequest, { unlimited, resumable = false }: RequestOptions): void {
    const open: Open = { request, isResumable: resumable };
    this.#open.add(open);
    let stopListening = this.#pulse?.listen('answer');
    request.once('response', (response) => {
      open.response = response;
      this.#pulse?.heard();
      stopListening?.();
      stopListening = this.#pulse?.listen(unlimited ? 'stream' : 'answer');
    });
    request.once('close', () => {
      this.#open.delete(open);
      stopListening?.();
    });
  }

  breakOff(error: ConnectionError, which: 'all' | 'resumable'): void {
    for (const { request, response, isResumable } of [...this.#open]) {
      if (which === 'all' || isResumable) (response ?? request).destroy(error);
    }
  }
}

/** @returns whether the connection was there, so that something of the request may have arrived */
export function connectionOf(request: ClientRequest, isSecure: boolean): () => boolean {
  let isConnected = false;
  request.once('socket', (socket) => {
    if (request.reusedSocket) isConnected = true;
    // Before the handshake is over, nothing of the request has left.
    else socket.once(isSecure ? 'secureConnect' : 'connect', () => (isConnected = true));
  });
  return () => isConnected;
}
