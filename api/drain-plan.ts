/** What a drain would do with a node, placed on paper; nothing is changed. GET `…/nodes/{name}/drainplan`. */

export interface DrainPlan {
  readonly kind: 'DrainPlan';
  readonly node: string;
  readonly volumes: readonly PlannedVolume[];
  readonly services: readonly PlannedService[];
  readonly tasks: readonly PlannedTask[];
}

export interface PlannedVolume {
  readonly volume: string;
  /** `detach`: no alloc uses it; `handOn`: it goes with the alloc that does. */
  readonly action: 'detach' | 'handOn';
}

/** A service's alloc that must leave: it has a target, or reasons why it has none. */
export interface PlannedService {
  readonly service: string;
  readonly alloc: string;
  readonly strategy: 'start-first' | 'stop-first';
  /** The node that its replacement would be placed on now. */
  readonly target?: string;
  /** Why it has no place, by node. */
  readonly reasons?: readonly string[];
}

interface PlannedTask {
  readonly task: string;
  readonly alloc: string;
}

/** Why a node does not take an alloc; without a node: why none does. */
export interface NoPlaceReason {
  readonly node?: string;
  /** In words that go on after the node's name: `is draining`, `needs 500m CPU, 200m free`. */
  readonly reason: string;
}
