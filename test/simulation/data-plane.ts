/** What a gateway sends where: requests that come all the time, short ones and long ones, some of them to backends that leave. */
import type { DataPlane } from '../../controllers/processes/gateway.ts';
import type { Routes } from '../../runtime/gateway/routes.ts';
import type { RealProcess } from './machine.ts';
import type { SimulatedProcess } from './process.ts';
import { between, pick } from './randomness.ts';

/** Between two requests that a gateway gets. */
const MOST_BETWEEN_MS = 300;
const LONGEST_SHORT_REQUEST_MS = 50;
/** Share of requests that take long: a drain begins, and they are still on their way. */
const LONG_REQUESTS = 0.2;
/** Longer than any backend that left is given to finish: some are cut. */
const LONGEST_REQUEST_MS = 1_300;
/** As the real one has it. */
const CLOSE_GRACE_MS = 5_000;

/** Who is told of the traffic. */
export interface Clients {
  /** Routes have changed, or a backend that left has answered all that it had. */
  applied(): void;
  /** @returns what is to answer */
  sent(alloc: string): RealProcess | undefined;
  answered(alloc: string, by: RealProcess | undefined): void;
}

interface Request {
  readonly to: RealProcess | undefined;
}

/** A backend, from when it is routed until it has answered its last request. */
interface Member {
  readonly alloc: string;
  readonly inFlight: Set<Request>;
}

export class SimulatedDataPlane implements DataPlane {
  readonly #process: SimulatedProcess | undefined;
  readonly #clients: Clients | undefined;
  readonly #routes = new Map<string, Routes>();
  readonly #members = new Map<string, Member>();
  readonly #draining = new Set<Member>();
  readonly #callbacks = new Set<() => void>();
  #isClosing = false;
  #onIdle = () => {};

  /** Without a process: one that was never started, and sends nothing. */
  constructor(process?: SimulatedProcess, clients?: Clients) {
    this.#process = process;
    this.#clients = clients;
    this.#await();
  }

  /** True where the alloc gets new requests, or has not answered all that it got. */
  isUsing(alloc: string): boolean {
    return this.#members.has(alloc) || [...this.#draining].some((member) => member.alloc === alloc);
  }

  routed(): ReadonlySet<string> {
    return new Set(this.#members.keys());
  }

  apply(routes: Routes): void {
    if (this.#isClosing) return;
    this.#routes.set(routes.service, routes);
    this.#settle(routes.drainTimeoutMs);
  }

  remove(service: string): void {
    const { drainTimeoutMs = 0 } = this.#routes.get(service) ?? {};
    this.#routes.delete(service);
    this.#settle(drainTimeoutMs);
  }

  draining(): readonly string[] {
    return [...new Set([...this.#draining].map(({ alloc }) => alloc))].sort();
  }

  onDrained(callback: () => void): void {
    this.#callbacks.add(callback);
  }

  async listening(): Promise<void> {}
  problems = () => [];
  metrics = () => ({});

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#routes.clear();
    this.#settle(CLOSE_GRACE_MS);
    if (this.#draining.size > 0)
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
  }

  /** Brings the members in line with the routes. */
  #settle(drainTimeoutMs: number): void {
    const routed = new Set([...this.#routes.values()].flatMap(backendsOf));
    for (const [alloc, member] of this.#members) {
      if (routed.has(alloc)) continue;
      this.#members.delete(alloc);
      if (member.inFlight.size === 0) continue;
      this.#draining.add(member);
      this.#process?.timeline.after(drainTimeoutMs, () => this.#cut(member));
    }
    for (const alloc of routed)
      if (!this.#members.has(alloc)) this.#members.set(alloc, { alloc, inFlight: new Set() });
    this.#clients?.applied();
  }

  #await(): void {
    const process = this.#process;
    process?.timeline.after(between(process.random, 1, MOST_BETWEEN_MS), () => {
      if (!process.isAlive || this.#isClosing) return;
      this.#send(process);
      this.#await();
    });
  }

  #send({ random, timeline }: SimulatedProcess): void {
    const services = [...this.#routes.values()].map(backendsOf).filter((backends) => backends.length > 0);
    if (services.length === 0) return;
    const member = this.#members.get(pick(random, pick(random, services)));
    if (!member) return;
    const request: Request = { to: this.#clients?.sent(member.alloc) };
    member.inFlight.add(request);
    const longestMs = random() < LONG_REQUESTS ? LONGEST_REQUEST_MS : LONGEST_SHORT_REQUEST_MS;
    timeline.after(between(random, 1, longestMs), () => {
      if (!member.inFlight.delete(request)) return;
      this.#clients?.answered(member.alloc, request.to);
      if (member.inFlight.size === 0) this.#left(member);
    });
  }

  #cut(member: Member): void {
    member.inFlight.clear();
    this.#left(member);
  }

  #left(member: Member): void {
    if (!this.#draining.delete(member)) return;
    this.#clients?.applied();
    if (this.#process?.isAlive) for (const callback of this.#callbacks) callback();
    if (this.#draining.size === 0) this.#onIdle();
  }
}

const backendsOf = ({ ports }: Routes): string[] =>
  ports.flatMap(({ backends }) => backends.map(({ alloc }) => alloc));
