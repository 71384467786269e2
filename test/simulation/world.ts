/** What the checks look at: the world as it is, beside the objects. */
import type { SimulatedAgent } from './agents.ts';
import type { Chronicle } from './chronicle.ts';
import type { SimulatedGateway } from './gateways.ts';
import type { Machine } from './machine.ts';
import type { ClockError } from './process.ts';
import type { Timeline } from './timeline.ts';
import type { Cloud } from './volumes.ts';

export interface World {
  readonly timeline: Timeline;
  readonly chronicle: Chronicle;
  readonly machines: ReadonlyMap<string, Machine>;
  readonly gateways: readonly SimulatedGateway[];
  readonly agents: readonly SimulatedAgent[];
  /** How wrong the clock of the servers is. */
  readonly serverTime: ClockError;
  /** Also where it has ended: there was one. */
  readonly secondControlPlane: unknown;
  readonly cloud: Cloud;
  /** Several servers on NATS; undefined: one with its own disk. */
  readonly fleet: unknown;
  /** Where no fault is planned: the services that nobody changes, and that may never fall below their replicas. */
  readonly calm: readonly { readonly name: string; readonly replicas: number }[] | undefined;
}

/** Called with a word for the promise that was broken, and a sentence. */
export type Complain = (invariant: string, message: string) => void;
