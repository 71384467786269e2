/** One backend of a pool: its connections, what is in flight on it, and how it leaves. */
import { Agent } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Clock } from '../../api/clock.ts';
import type { Backend } from './routes.ts';

/** A connection not established by then is given up and another backend tried. Milliseconds; a dead host never answers. */
const CONNECT_TIMEOUT_MS = 3_000;

/** A backend that refused is chosen last for this long. Milliseconds; it costs each request a failed connect meanwhile. */
const FAILURE_COOLDOWN_MS = 1_000;

/**
 * An idle connection is reused only this long. Milliseconds; shorter than servers commonly keep theirs (2 s and
 * more), so that a request is not written to a connection which its server is closing.
 */
const IDLE_CONNECTION_MS = 1_000;

/** Idle connections kept to one backend. */
const MAX_IDLE_CONNECTIONS = 256;

/** When the first TCP keep-alive probe goes out. Milliseconds; a peer that vanished must not be spliced for ever. */
export const KEEP_ALIVE_PROBE_MS = 30_000;

/** A request or connection that is on a member. */
export interface Flight {
  /** End it now. */
  cut(reason: Error): void;
  /** The member was unrouted: what has not begun yet should go elsewhere. */
  memberLeft(): void;
}

export class Member {
  readonly backend: Backend;
  readonly agent: BackendAgent;
  /** An HTTP/1 response was once seen, so this backend does not speak first. */
  speaksHttp = false;
  /** Called when a member that is leaving has nothing in flight any more. */
  onIdle: () => void = () => {};
  readonly #clock: Clock;
  readonly #flights = new Set<Flight>();
  #isLeaving = false;
  #avoidUntilMs = 0;

  constructor(backend: Backend, clock: Clock) {
    this.backend = backend;
    this.#clock = clock;
    this.agent = new BackendAgent(() => this.connect(false));
  }

  get outstanding(): number {
    return this.#flights.size;
  }

  /** It refused a connection a moment ago. */
  get isSuspect(): boolean {
    return this.#avoidUntilMs !== 0 && this.#clock.now() < this.#avoidUntilMs;
  }

  suspect(): void {
    this.#avoidUntilMs = this.#clock.now() + FAILURE_COOLDOWN_MS;
  }

  enter(flight: Flight): void {
    this.#flights.add(flight);
  }

  exit(flight: Flight): void {
    if (this.#flights.delete(flight) && this.#isLeaving && this.#flights.size === 0) this.onIdle();
  }

  /** Unrouted: idle connections are closed at once, a flight may move elsewhere, the others go on. */
  leave(): void {
    this.#isLeaving = true;
    this.agent.retire();
    for (const flight of [...this.#flights]) flight.memberLeft();
  }

  /** Routed again. */
  rejoin(): void {
    this.#isLeaving = false;
    this.agent.revive();
  }

  cut(reason: Error): void {
    for (const flight of [...this.#flights]) flight.cut(reason);
  }

  /** Opens a connection, which fails with `connect timed out` when it is not established in time. */
  connect(allowHalfOpen: boolean): Socket {
    const { alloc, host, port } = this.backend;
    const socket = connect({
      host,
      port,
      allowHalfOpen,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_PROBE_MS,
    });
    const cancel = this.#clock.schedule(CONNECT_TIMEOUT_MS, () => {
      socket.destroy(new Error(`connect to ${alloc} at ${host}:${port}: timed out`));
    });
    socket.once('connect', cancel).once('close', cancel);
    return socket;
  }
}

/** Keep-alive connections to one backend. */
class BackendAgent extends Agent {
  readonly #connect: () => Socket;
  readonly #established = new WeakSet<object>();

  constructor(connectToBackend: () => Socket) {
    super({ keepAlive: true, maxFreeSockets: MAX_IDLE_CONNECTIONS, timeout: IDLE_CONNECTION_MS });
    this.#connect = connectToBackend;
  }

  override createConnection(): Socket {
    const socket = this.#connect();
    socket.once('connect', () => this.#established.add(socket));
    return socket;
  }

  /** All connections of this agent go to one place. */
  override getName(): string {
    return 'backend';
  }

  /** Whether the connection came up, so that bytes may have reached the backend. */
  wasEstablished(socket: object | null): boolean {
    return socket !== null && this.#established.has(socket);
  }

  dropIdle(): void {
    for (const socket of [...(this.freeSockets[this.getName()] ?? [])]) socket.destroy();
  }

  /** No connection is kept idle from here on. */
  retire(): void {
    this.maxFreeSockets = 0;
    this.dropIdle();
  }

  revive(): void {
    this.maxFreeSockets = MAX_IDLE_CONNECTIONS;
  }
}
