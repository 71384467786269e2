/** One client connection that is spliced to a backend. */
import type { Socket } from 'node:net';
import type { Clock } from '../../api/clock.ts';
import { type Assignee, Assignment } from './assignment.ts';
import { detect } from './detect.ts';
import type { Member } from './member.ts';
import type { ServicePort } from './service-port.ts';
import { splice } from './tcp-splice.ts';

interface TcpConnectionOptions {
  readonly clock: Clock;
  readonly port: ServicePort;
  readonly client: Socket;
  /** What was already read from the client. */
  readonly prefix: Buffer;
  /** For a client that is still silent: where it goes when its first bytes turn out to be HTTP after all. */
  readonly switchToHttp?: (prefix: Buffer) => void;
}

export class TcpConnection implements Assignee {
  readonly #options: TcpConnectionOptions;
  readonly #client: Socket;
  readonly #assignment: Assignment;
  readonly #onClientClose = () => this.#clientClosed();
  #prefix: Buffer;
  #backend: Socket | undefined;
  #isEstablished = false;
  #isCounted = false;
  /** Takes client and backend apart; set while they are spliced. */
  #unsplice: (() => void) | undefined;
  /** Set while the protocol is unknown. */
  #detection: { readonly assumeTcp: () => void } | undefined;

  constructor(options: TcpConnectionOptions) {
    this.#options = options;
    this.#client = options.client;
    this.#prefix = options.prefix;
    this.#assignment = new Assignment(options.port.pool, this);
  }

  start(): void {
    this.#client.once('close', this.#onClientClose);
    if (this.#options.switchToHttp !== undefined) this.#listen(this.#options.switchToHttp);
    this.#assignment.seek();
  }

  assigned(member: Member): void {
    const backend = member.connect(true);
    this.#backend = backend;
    this.#isEstablished = false;
    backend.on('error', () => {});
    backend.once('connect', () => {
      if (backend !== this.#backend) return;
      this.#isEstablished = true;
      if (this.#detection === undefined) this.#join(backend);
      else backend.once('readable', this.#detection.assumeTcp);
    });
    backend.once('close', () => this.#backendClosed(backend));
  }

  refused(): void {
    this.#count();
    this.#options.port.counters.failures += 1;
    this.#client.resetAndDestroy();
  }

  cut(): void {
    this.#options.port.counters.failures += 1;
    this.#backend?.destroy();
    this.#client.resetAndDestroy();
  }

  /** A connection on which nothing was said is worth nothing to its backend: it moves, and holds up no drain. */
  memberLeft(): void {
    if (this.#unsplice !== undefined && !this.#isUntouched()) return;
    this.#dropBackend();
    this.#assignment.seek();
  }

  #isUntouched(): boolean {
    return this.#client.bytesRead === 0 && !this.#client.readableEnded && !this.#backend?.bytesRead;
  }

  /** The protocol is still unknown: whoever speaks first decides, while a backend is sought, connected to or waited for. */
  #listen(switchToHttp: (prefix: Buffer) => void): void {
    this.#detection = detect(this.#client, this.#options.clock, undefined, (verdict, prefix) => {
      this.#detection = undefined;
      this.#prefix = prefix;
      if (verdict === 'http' && !this.#backend?.bytesRead) {
        this.#client.off('close', this.#onClientClose);
        this.#dropBackend();
        switchToHttp(prefix);
      } else if (this.#backend !== undefined && this.#isEstablished) {
        this.#join(this.#backend);
      }
    });
  }

  #join(backend: Socket): void {
    if (this.#prefix.length > 0) backend.write(this.#prefix);
    this.#prefix = Buffer.alloc(0);
    this.#count();
    this.#unsplice = splice(this.#client, backend);
  }

  #count(): void {
    if (!this.#isCounted) this.#options.port.counters.connections += 1;
    this.#isCounted = true;
  }

  #dropBackend(): void {
    const backend = this.#backend;
    this.#backend = undefined;
    this.#unsplice?.();
    this.#unsplice = undefined;
    backend?.destroy();
    this.#assignment.release();
  }

  #clientClosed(): void {
    // A spliced backend ends with its own close, which may come later: it has yet to take what the client sent.
    if (this.#unsplice === undefined) this.#dropBackend();
  }

  #backendClosed(backend: Socket): void {
    if (backend !== this.#backend) return;
    if (!this.#isEstablished && !this.#client.destroyed) {
      this.#backend = undefined;
      this.#assignment.seekElsewhere();
      return;
    }
    this.#assignment.release();
    if (this.#unsplice === undefined) this.#client.destroy();
  }
}
