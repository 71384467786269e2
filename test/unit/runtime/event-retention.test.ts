import { expect } from 'chai';
import { silentLog } from '../../../api/log.ts';
import { retainEvents } from '../../../runtime/event-retention.ts';
import { createWorld } from '../../vocabulary/world.ts';

describe('the retention of events', () => {
  it('deletes the oldest beyond the limit, those that were there before it began as well', async () => {
    const world = await createWorld();
    const write = (name: string, second: number) =>
      world.client.create({
        kind: 'Event',
        metadata: { name },
        spec: {
          regarding: { kind: 'Node', name: 'node-1' },
          type: 'Normal',
          reason: 'Test',
          message: name,
          source: 'test',
          time: new Date(second * 1_000).toISOString(),
        },
      });
    const names = () => world.list('Event').map((event) => event.metadata.name);
    try {
      await write('b', 2);
      await write('a', 1);
      await write('c', 3);
      const abort = new AbortController();
      retainEvents(world.store, world.client, silentLog, abort.signal, 2);
      await world.settle();
      expect(names()).to.deep.equal(['b', 'c']);
      await write('d', 4);
      await world.settle();
      expect(names()).to.deep.equal(['c', 'd']);
      abort.abort();
    } finally {
      await world.close();
    }
  });
});
