/** The objects of a run: each is signed by the attempt that wrote it, and says what that was decided on. */
import { isTerminal } from '../../api/kinds/alloc.ts';
import type { AnyObject, KindName } from '../../api/kinds/index.ts';
import { whyUnschedulable } from '../../api/kinds/node.ts';
import { API_VERSION } from '../../api/meta.ts';
import type { Change, Reader, Write } from '../../api/store.ts';
import { build } from '../vocabulary/objects.ts';
import type { Sighting, Version } from './history.ts';
import { ABSENT } from './linearizability.ts';

const ATTEMPT = 'test.mill.dev/attempt';
const READS = 'test.mill.dev/reads';
const TIME = '2026-01-01T00:00:00.000Z';

/** Reads objects, and remembers which version of each. */
export class Reading {
  readonly state: Reader;
  readonly #versions = new Map<string, number>();

  constructor(state: Reader) {
    this.state = state;
  }

  get<K extends KindName>(kind: K, name: string) {
    const object = this.state.get(kind, name);
    this.#versions.set(`${kind}/${name}`, versionOf(object));
    return object;
  }

  allocsOf(node: string) {
    const allocs = this.state.byIndex('Alloc', 'node', node);
    for (const alloc of allocs) this.#versions.set(keyOf(alloc), versionOf(alloc));
    return allocs;
  }

  get versions(): readonly Version[] {
    return [...this.#versions];
  }
}

export const keyOf = ({ kind, metadata }: AnyObject): string => `${kind}/${metadata.name}`;

export const versionOf = (object: AnyObject | undefined): number =>
  Number(object?.metadata.resourceVersion ?? 0);

export const attemptOf = (object: AnyObject): string => object.metadata.annotations?.[ATTEMPT] ?? '';

/** Writes an object in the name of an attempt, which was based on these versions. */
export function signed(object: AnyObject, attempt: string, reads: readonly Version[]): Write {
  const annotations = { [ATTEMPT]: attempt, [READS]: JSON.stringify(reads) };
  const metadata = { ...object.metadata, annotations };
  return { type: 'put', object: { ...object, metadata } as AnyObject };
}

/** An event that says something. */
export const note = (name: string, message: string): AnyObject => ({
  apiVersion: API_VERSION,
  kind: 'Event',
  metadata: { name, uid: name, resourceVersion: '0', generation: 1, creationTimestamp: TIME },
  spec: {
    regarding: { kind: 'Node', name: 'node' },
    type: 'Normal',
    reason: 'Counted',
    message,
    source: 'test',
    time: TIME,
  },
  status: {},
});

export function countOf(state: Reader, counter: string): number {
  const found = state.get('Event', counter);
  return found ? Number(found.spec.message) : ABSENT;
}

/** An alloc of a task of its own, so that nothing but its node decides whether it may be placed. */
export function alloc(name: string, node: string): AnyObject {
  const owner = { kind: 'Task', name, uid: `task-${name}` };
  const template = { command: ['serve'], resources: { cpu: '1m', memory: '1Mi' } };
  return build('Alloc', name, { owner, node, template }, {}, {});
}

/** A change as it goes into a history. */
export function sightingOf({ type, object, revision }: Change): Sighting {
  const seen = { revision, object: keyOf(object) };
  if (type === 'deleted') return { ...seen, attempt: '', isDeleted: true };
  const reads = object.metadata.annotations?.[READS];
  return {
    ...seen,
    attempt: attemptOf(object),
    ...(reads === undefined ? {} : { reads: JSON.parse(reads) as readonly Version[] }),
    ...(object.kind === 'Alloc' ? { node: object.spec.node, isOver: isTerminal(object) } : {}),
    ...(object.kind === 'Node'
      ? { isLeaving: whyUnschedulable(object) !== undefined, isRemoved: object.spec.removed }
      : {}),
  };
}
