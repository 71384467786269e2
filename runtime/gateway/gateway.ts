/** The data plane: listens on the services' gateway ports and forwards to the backends that are routed. */
import { type Clock, sleep } from '../../api/clock.ts';
import type { Log } from '../../api/log.ts';
import { Drains } from './drains.ts';
import { DEFAULT_HOLD_MS } from './hold.ts';
import { Listener } from './listener.ts';
import { Pool } from './pool.ts';
import { PortClaims } from './port-claims.ts';
import type { RoutedPort, Routes } from './routes.ts';
import type { ServiceCounters, ServicePort } from './service-port.ts';

/** How long `close` lets requests and connections finish. Milliseconds; inside the 10 s that a stop may take. */
const CLOSE_GRACE_MS = 5_000;

export interface GatewayOptions {
  /** Address to listen on. */
  readonly host: string;
  readonly clock: Clock;
  readonly log: Log;
  /** How long a request waits while its service has no backend. Milliseconds. */
  readonly holdMs?: number;
}

/** A service port that is wanted and not served. */
export interface GatewayProblem {
  readonly service: string;
  readonly port: string;
  readonly gatewayPort: number;
  /** One line. */
  readonly message: string;
}

interface RoutedService {
  readonly counters: ServiceCounters;
  readonly ports: Map<string, ServicePort>;
  drainTimeoutMs: number;
}

export class Gateway {
  readonly #options: GatewayOptions;
  readonly #drains: Drains;
  readonly #services = new Map<string, RoutedService>();
  readonly #claims = new PortClaims();
  readonly #listeners = new Map<number, Listener>();
  /** Closed ones whose last connections are still open. */
  readonly #closing = new Set<Listener>();
  #waiters: (() => void)[] = [];
  #onProblems: () => void = () => {};
  #isClosed = false;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#drains = new Drains(options.clock);
  }

  /**
   * From the return of this call no new request or connection goes to a backend of the service that is not in
   * `routes`. What is in flight goes on, see `draining`. After `close`: no effect.
   */
  apply(routes: Routes): void {
    if (this.#isClosed) return;
    const service = this.#service(routes);
    const names = new Set(routes.ports.map((port) => port.name));
    const touched = new Set<number>();
    for (const port of [...service.ports.values()]) {
      if (names.has(port.name)) continue;
      this.#drop(service, port);
      touched.add(port.gatewayPort);
    }
    for (const routed of routes.ports) touched.add(this.#route(routes.service, service, routed));
    for (const port of service.ports.values()) {
      this.#claims.claim(port);
      touched.add(port.gatewayPort);
    }
    this.#settle(touched);
  }

  /** Nothing new goes to any backend of the service, and its ports close. A service that is not routed: no effect. */
  remove(name: string): void {
    const service = this.#services.get(name);
    if (service === undefined) return;
    this.#services.delete(name);
    const ports = [...service.ports.values()];
    for (const port of ports) this.#drop(service, port);
    this.#settle(ports.map((port) => port.gatewayPort));
  }

  /** Allocs that were unrouted and still have a request or connection in flight. Sorted. */
  draining(): readonly string[] {
    return this.#drains.names();
  }

  /** Calls back each time that `draining` changed. */
  onDrained(callback: () => void): void {
    this.#drains.onChange(callback);
  }

  /** The ports that are wanted and not open, or that belong to another service. */
  problems(): readonly GatewayProblem[] {
    const unopened = [...this.#listeners.values()].flatMap(({ served, problem }) =>
      problem === undefined ? [] : [describe(served, problem)],
    );
    const conflicts = this.#claims
      .conflicts()
      .map(({ claimant, holder }) =>
        describe(
          claimant,
          `port ${claimant.gatewayPort} belongs to service ${holder.service} (${holder.name})`,
        ),
      );
    return [...unopened, ...conflicts];
  }

  /** Calls back each time that `problems` may have changed. */
  onProblems(callback: () => void): void {
    this.#onProblems = callback;
  }

  /** Resolves once every port that is wanted is open, or is one of the `problems`: somebody else may keep it for ever. */
  listening(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.push(resolve);
      this.#settleWaiters();
    });
  }

  /** What each routed service has served, by its name. */
  metrics(): Readonly<Record<string, Readonly<ServiceCounters>>> {
    return Object.fromEntries([...this.#services].map(([name, { counters }]) => [name, { ...counters }]));
  }

  /** Closes the ports, lets what is in flight finish, and after `graceMs` cuts what is left. */
  async close(graceMs = CLOSE_GRACE_MS): Promise<void> {
    for (const name of [...this.#services.keys()]) this.remove(name);
    this.#isClosed = true;
    const finished = Promise.all([...this.#closing].map((listener) => listener.closed));
    const grace = new AbortController();
    await Promise.race([finished, sleep(this.#options.clock, graceMs, grace.signal)]);
    grace.abort();
    this.#drains.cut(new Error('the gateway is closing'));
    for (const listener of this.#closing) listener.cut();
    await finished;
  }

  #service(routes: Routes): RoutedService {
    const known = this.#services.get(routes.service);
    const counters = known?.counters ?? { requests: 0, connections: 0, failures: 0 };
    const service = known ?? { counters, ports: new Map<string, ServicePort>(), drainTimeoutMs: 0 };
    service.drainTimeoutMs = routes.drainTimeoutMs;
    this.#services.set(routes.service, service);
    return service;
  }

  /** @returns the gateway port that it had, which is given up if it is to have another */
  #route(name: string, service: RoutedService, routed: RoutedPort): number {
    const port = service.ports.get(routed.name) ?? this.#newPort(name, service, routed);
    const before = port.gatewayPort;
    port.protocol = routed.protocol;
    port.pool.route(routed.backends, service.drainTimeoutMs);
    if (before !== routed.gatewayPort) this.#claims.release(port);
    port.gatewayPort = routed.gatewayPort;
    return before;
  }

  #newPort(service: string, { counters, ports }: RoutedService, routed: RoutedPort): ServicePort {
    const { clock, holdMs = DEFAULT_HOLD_MS } = this.#options;
    const pool = new Pool(clock, this.#drains, holdMs);
    const { name, gatewayPort, protocol } = routed;
    const port: ServicePort = { service, name, pool, counters, gatewayPort, protocol };
    ports.set(name, port);
    return port;
  }

  #drop(service: RoutedService, port: ServicePort): void {
    service.ports.delete(port.name);
    port.pool.close(service.drainTimeoutMs);
    this.#claims.release(port);
  }

  /** Makes the listeners what the claims say; only now, so that a port which passes to another name stays open. */
  #settle(gatewayPorts: Iterable<number>): void {
    for (const gatewayPort of gatewayPorts) this.#settlePort(gatewayPort);
    this.#settleWaiters();
    this.#onProblems();
  }

  #settlePort(gatewayPort: number): void {
    const holder = this.#claims.holder(gatewayPort);
    const listener = this.#listeners.get(gatewayPort);
    if (listener !== undefined && holder !== undefined) listener.served = holder;
    else if (listener !== undefined) this.#closeListener(gatewayPort, listener);
    else if (holder !== undefined) this.#openListener(gatewayPort, holder);
  }

  #openListener(gatewayPort: number, holder: ServicePort): void {
    const { host, clock, log } = this.#options;
    const onChange = () => {
      this.#settleWaiters();
      this.#onProblems();
    };
    this.#listeners.set(gatewayPort, new Listener({ host, gatewayPort, clock, log, onChange }, holder));
  }

  #closeListener(gatewayPort: number, listener: Listener): void {
    this.#listeners.delete(gatewayPort);
    this.#closing.add(listener);
    void listener.closed.then(() => this.#closing.delete(listener));
    listener.close();
  }

  #settleWaiters(): void {
    if ([...this.#listeners.values()].some((listener) => !listener.isSettled)) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }
}

const describe = ({ service, name, gatewayPort }: ServicePort, message: string): GatewayProblem => ({
  service,
  port: name,
  gatewayPort,
  message,
});
