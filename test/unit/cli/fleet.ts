/** A small fleet for commands that look at one. */
import { FakeConnection } from './fake-connection.ts';
import { alloc, node, service } from './objects.ts';

export const fleet = () =>
  new FakeConnection(
    node('node-1'),
    node('node-2', {}, { phase: 'down' }),
    service('web', 2, 2),
    alloc('web-0', 'node-1', { kind: 'Service', name: 'web' }),
  );
