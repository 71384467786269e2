/** What the tests of the API stand on: a store, a service, time that the test moves, actors, sample objects. */
import type { Written } from '../../../api/client/client.ts';
import type { Clock } from '../../../api/clock.ts';
import { ADMIN_GROUP, GATEWAY_GROUP, NODE_GROUP } from '../../../api/groups.ts';
import type { KindName } from '../../../api/kinds/index.ts';
import { type Identities, randomIdentities } from '../../../api/server/identities.ts';
import { ApiService } from '../../../api/server/service.ts';
import type { Actor, Admission } from '../../../api/store.ts';
import { FakeStore } from './fake-store.ts';

export const admin: Actor = { user: 'admin', groups: [ADMIN_GROUP] };
export const controller: Actor = { user: 'system:controller:test', groups: [] };
export const agentOf = (node: string): Actor => ({ user: `system:node:${node}`, groups: [NODE_GROUP] });
export const gatewayOf = (name: string): Actor => ({
  user: `system:gateway:${name}`,
  groups: [GATEWAY_GROUP],
});

/** Time that stands until it is moved. */
export class TestClock implements Clock {
  #nowMs = Date.parse('2024-05-01T00:00:00.000Z');
  #timers: { dueMs: number; callback: () => void }[] = [];

  now(): number {
    return this.#nowMs;
  }

  schedule(delayMs: number, callback: () => void): () => void {
    const timer = { dueMs: this.#nowMs + delayMs, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      const due = this.#timers.filter((timer) => timer.dueMs <= untilMs).sort((a, b) => a.dueMs - b.dueMs)[0];
      if (!due) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.#nowMs = due.dueMs;
      due.callback();
    }
    this.#nowMs = untilMs;
  }

  get timers(): number {
    return this.#timers.length;
  }
}

export interface World {
  readonly store: FakeStore;
  readonly clock: TestClock;
  readonly service: ApiService;
  readonly identities: Identities;
}

export function createWorld(admission?: Admission): World {
  const clock = new TestClock();
  const store = new FakeStore(admission);
  const service = new ApiService({ store, clock, ...(admission ? { admission } : {}) });
  return { clock, store, service, identities: randomIdentities };
}

export const node = (name: string, spec: object = {}, metadata: object = {}): Written<'Node'> => ({
  kind: 'Node',
  metadata: { name, ...metadata },
  spec,
});

export const service = (name: string, spec: object = {}, metadata: object = {}): Written<'Service'> => ({
  kind: 'Service',
  metadata: { name, ...metadata },
  spec: { template: { command: ['serve'] }, ...spec },
});

export const event = (name: string, metadata: object = {}): Written<'Event'> => ({
  kind: 'Event',
  metadata: { name, ...metadata },
  spec: {
    regarding: { kind: 'Node', name: 'n1' },
    type: 'Normal',
    reason: 'Tested',
    message: 'all is well',
    source: 'test',
    time: '2024-05-01T00:00:00.000Z',
  },
});

export const alloc = (name: string, onNode = 'n1', metadata: object = {}): Written<'Alloc'> => ({
  kind: 'Alloc',
  metadata: { name, ...metadata },
  spec: {
    owner: { kind: 'Service', name: 'web', uid: 'u1' },
    node: onNode,
    template: { command: ['serve'] },
  },
});

/** A reference that makes an object a dependent of `owner`. */
export const ownedBy = (owner: { kind: KindName; metadata: { name: string; uid: string } }) => ({
  ownerReferences: [
    { apiVersion: 'mill.dev/v1alpha1', kind: owner.kind, name: owner.metadata.name, uid: owner.metadata.uid },
  ],
});
