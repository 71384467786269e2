/** The network between a process and the server: latency, loss, partitions, and watches that lag, break and expire. */
import { type Client, ConnectionError, type WatchEvent, type WatchRequest } from '../../api/client/client.ts';
import { UnsentError } from '../../api/client/failures.ts';
import { ApiError } from '../../api/errors.ts';
import type { KindName } from '../../api/kinds/index.ts';
import type { ServerWatchEvent } from '../../api/server/verbs/watch.ts';
import type { Actor } from '../../api/store.ts';
import type { Door } from './door.ts';
import { never, type SimulatedProcess } from './process.ts';
import { between, integer } from './randomness.ts';

/** As the HTTP client has it: a server that says nothing for so long is gone. */
const ANSWER_TIMEOUT_MS = 30_000;
/** A watch whose connection went silently is noticed by TCP's keep-alive. */
const SILENCE_MS = 15_000;
/** Events that a watch repeats after it was taken up again. */
const MOST_REPEATED = 20;

/** What goes wrong on the way now; all of it can change at any time. */
export class Link {
  isCut = false;
  /** When a partition ended last. */
  healedAtMs = Number.NEGATIVE_INFINITY;
  latencyMs = 1;
  /** Share of answers that are lost: what was asked for was done. */
  lostAnswers = 0;
  watch = { lagMs: 0, breaks: 0, expires: 0, repeats: false };
  #waiting: (() => void)[] = [];

  cut(): void {
    this.isCut = true;
  }

  /** @param nowMs in virtual time */
  heal(nowMs: number): void {
    if (this.isCut) this.healedAtMs = nowMs;
    this.isCut = false;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  healed(): Promise<void> {
    return this.isCut ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve();
  }
}

export interface LinkedClientOptions {
  readonly process: SimulatedProcess;
  readonly link: Link;
  readonly server: () => Door | undefined;
  /** Who asks. @throws ApiError Unauthorized */
  readonly authenticate: (server: Door) => Actor;
}

export function createLinkedClient(options: LinkedClientOptions): Client {
  const ask = <T>(call: (client: Client) => Promise<T>, signal?: AbortSignal) =>
    abortable(request(options, 'write', call), signal);
  return {
    get: (kind, name, read) => request(options, 'read', (client) => client.get(kind, name, read)),
    list: (kind, list) => request(options, 'read', (client) => client.list(kind, list)),
    create: (object, write) => ask((client) => client.create(object, write), write?.signal),
    update: (object, write) => ask((client) => client.update(object, write), write?.signal),
    updateStatus: (object, write) => ask((client) => client.updateStatus(object, write), write?.signal),
    patch: (kind, name, patch, more) => ask((client) => client.patch(kind, name, patch, more), more?.signal),
    delete: (kind, name, more) => ask((client) => client.delete(kind, name, more), more?.signal),
    watch: (kind, watched) => watch(options, kind, watched),
  };
}

function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  if (signal.aborted) {
    work.catch(() => {});
    return Promise.reject(new ConnectionError('the request was given up'));
  }
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(new ConnectionError('the request was given up')), {
      once: true,
    });
    work.then(resolve, reject);
  });
}

/** A request that was sent goes on when its sender dies; only the answer reaches nobody. */
async function request<T>(
  options: LinkedClientOptions,
  what: 'read' | 'write',
  call: (client: Client) => Promise<T>,
): Promise<T> {
  const { process, link, authenticate } = options;
  if (!process.step()) return never();
  try {
    await travel(options);
    const server = reached(options);
    const answer = await server.answer(() => {
      const actor = authenticate(server);
      if (what === 'write') server.checkWritable();
      return call(server.clientOf(actor));
    });
    if (!process.step()) return never();
    if (process.random() < link.lostAnswers) throw new ConnectionError('the connection broke');
    await travel(options);
    return process.isAlive ? answer : never();
  } catch (error) {
    return process.isAlive ? Promise.reject(error) : never();
  }
}

/** @throws UnsentError where no server listens */
function reached(options: LinkedClientOptions): Door {
  const server = options.server();
  if (server?.isListening) return server;
  throw new UnsentError('the server cannot be reached: nothing listens there');
}

async function travel({ process, link }: LinkedClientOptions): Promise<void> {
  const { timeline, random } = process;
  await timeline.wait(between(random, link.latencyMs / 4, link.latencyMs));
  if (!link.isCut) return;
  let isOver = false;
  await Promise.race([
    link.healed(),
    timeline.wait(ANSWER_TIMEOUT_MS).then(() => {
      isOver = true;
    }),
  ]);
  // What waited in a buffer is delivered late, or the connection is found broken.
  if (isOver || random() < 0.5) throw new ConnectionError('it does not answer');
  await timeline.wait(between(random, 0, 200));
}

async function* watch<K extends KindName>(
  options: LinkedClientOptions,
  kind: K,
  asked: WatchRequest,
): AsyncGenerator<WatchEvent<K>> {
  const { process, link } = options;
  if (!process.step()) await never();
  await travel(options);
  if (asked.signal?.aborted) return;
  const server = reached(options);
  if (process.random() < link.watch.expires) throw new ApiError('Expired', 'too old; list again');
  const stream = new Stream<K>(process, link);
  const stop = () => stream.end(undefined);
  asked.signal?.addEventListener('abort', stop, { once: true });
  const forget = server.process.onDeath(() => stream.end(new ConnectionError('the connection broke')));
  try {
    const resourceVersion = link.watch.repeats
      ? earlier(asked.resourceVersion, process)
      : asked.resourceVersion;
    const parameters = { ...asked, resourceVersion, signal: stream.signal };
    await server.answer(() =>
      server.watch(options.authenticate(server), kind, parameters, (event) => stream.push(event)),
    );
    yield* stream.events();
  } finally {
    forget();
    stream.end(undefined);
    asked.signal?.removeEventListener('abort', stop);
  }
}

const earlier = (revision: string, { random }: SimulatedProcess): string =>
  String(Math.max(1, Number(revision) - integer(random, 1, MOST_REPEATED)));

/** One watch: events on their way, in order. */
class Stream<K extends KindName> {
  readonly #process: SimulatedProcess;
  readonly #link: Link;
  readonly #abort = new AbortController();
  #arrived: ServerWatchEvent<K>[] = [];
  #onTheWay: ServerWatchEvent<K>[] = [];
  #isMoving = false;
  #error: Error | undefined;
  #wake = () => {};

  constructor(process: SimulatedProcess, link: Link) {
    this.#process = process;
    this.#link = link;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  push(event: ServerWatchEvent<K>): void {
    this.#onTheWay.push(event);
    if (!this.#isMoving) void this.#move();
  }

  end(error: Error | undefined): void {
    if (this.#abort.signal.aborted) return;
    this.#error = error;
    this.#abort.abort();
    this.#wake();
  }

  async *events(): AsyncGenerator<WatchEvent<K>> {
    for (;;) {
      for (const event of this.#arrived.splice(0)) {
        if (this.signal.aborted) break;
        yield event;
      }
      if (this.signal.aborted) break;
      if (this.#arrived.length > 0) continue;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#error) throw this.#error;
  }

  async #move(): Promise<void> {
    const { timeline, random } = this.#process;
    const link = this.#link;
    this.#isMoving = true;
    while (this.#onTheWay.length > 0 && this.#process.isAlive && !this.signal.aborted) {
      await timeline.wait(between(random, link.latencyMs / 4, link.latencyMs + link.watch.lagMs));
      if (link.isCut && !(await this.#outlasts())) {
        this.end(new ConnectionError('the connection broke'));
      } else if (random() < link.watch.breaks) {
        this.end(new ConnectionError('the connection broke'));
      }
      if (this.signal.aborted || !this.#process.step()) break;
      this.#arrived.push(...this.#onTheWay.splice(0));
      this.#wake();
    }
    this.#isMoving = false;
  }

  /** True where the partition ends before the connection is given up. */
  async #outlasts(): Promise<boolean> {
    const { timeline, random } = this.#process;
    const first = await Promise.race([
      this.#link.healed().then(() => 'healed'),
      timeline.wait(SILENCE_MS).then(() => 'silent'),
    ]);
    return first === 'healed' && random() < 0.5;
  }
}
