/** One port of one service as the gateway serves it. */
import type { Pool } from './pool.ts';
import type { RoutedPort } from './routes.ts';

/** What a service has served since it was first routed here. */
export interface ServiceCounters {
  /** HTTP requests, upgrades included. */
  requests: number;
  /** Connections that were spliced, or wanted to be. */
  connections: number;
  /** Requests and connections that the gateway answered or broke itself: no backend, unreachable, cut, broken off. */
  failures: number;
}

export interface ServicePort {
  readonly service: string;
  readonly name: string;
  readonly pool: Pool;
  readonly counters: ServiceCounters;
  gatewayPort: number;
  protocol: RoutedPort['protocol'];
}
