/** Small objects for tests of a store. */
import type { Event } from '../../api/kinds/event.ts';
import type { Lease } from '../../api/kinds/lease.ts';
import { API_VERSION } from '../../api/meta.ts';
import type { Actor, Decision, Write } from '../../api/store.ts';

export const actor: Actor = { user: 'tester', groups: [] };
const TIME = '2026-01-01T00:00:00.000Z';
const metadata = (name: string) => ({
  name,
  uid: `uid-${name}`,
  resourceVersion: '0',
  generation: 1,
  creationTimestamp: TIME,
});

/** @param regarding name of the node that it is about: the key of an index */
export const event = (name: string, message = '', regarding = 'node-1'): Event => ({
  apiVersion: API_VERSION,
  kind: 'Event',
  metadata: metadata(name),
  spec: {
    regarding: { kind: 'Node', name: regarding },
    type: 'Normal',
    reason: 'Tested',
    message,
    source: 'test',
    time: TIME,
  },
  status: {},
});

/** An ephemeral object. */
export const lease = (name: string, appliedRevision = 0): Lease => ({
  apiVersion: API_VERSION,
  kind: 'Lease',
  metadata: metadata(name),
  spec: {
    holder: 'agent',
    node: name,
    renewTime: TIME,
    durationMs: 1_000,
    appliedRevision,
    draining: [],
    session: 's',
  },
  status: {},
});

export const put = (object: Event | Lease): Write => ({ type: 'put', object });
export const remove = (name: string): Write => ({ type: 'delete', kind: 'Event', name });

/** A decision that writes without looking. */
export const blindly =
  (...writes: readonly Write[]) =>
  (): Decision<undefined> => ({ writes, result: undefined });
