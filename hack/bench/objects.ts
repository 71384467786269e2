/** Objects to store. */
import type { Event } from '../../api/kinds/event.ts';
import type { AnyObject } from '../../api/kinds/index.ts';

const OBJECT_BYTES = 1_024;

/** An object of about a kibibyte. */
export function event(name: string): AnyObject {
  const time = '2026-01-01T00:00:00.000Z';
  const object: Event = {
    apiVersion: 'mill.dev/v1alpha1',
    kind: 'Event',
    metadata: { name, uid: name, resourceVersion: '0', generation: 1, creationTimestamp: time },
    spec: {
      regarding: { kind: 'Node', name: 'node-1' },
      type: 'Normal',
      reason: 'Bench',
      message: '',
      source: 'bench',
      time,
    },
    status: {},
  };
  const padding = OBJECT_BYTES - JSON.stringify(object).length;
  return { ...object, spec: { ...object.spec, message: 'x'.repeat(padding) } };
}
