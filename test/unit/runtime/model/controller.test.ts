/** The controller host, with somebody else who writes at every moment of a pass, and objects that move anywhere. */
import { expect } from 'chai';
import { setup } from 'xstate';
import type { Client } from '../../../../api/client/client.ts';
import type { Alloc } from '../../../../api/kinds/alloc.ts';
import type { Volume } from '../../../../api/kinds/volume.ts';
import { type ControllerDefinition, runController } from '../../../../runtime/controller/controller.ts';
import { combinations } from '../../../vocabulary/combinations.ts';
import { alloc, node, volume } from '../../../vocabulary/objects.ts';
import { createWorld, type World } from '../../../vocabulary/world.ts';

interface Facts {
  readonly message: string;
}
type Command = { readonly type: 'act'; readonly params: undefined };
type Definition = ControllerDefinition<'Volume', Facts, Command, 'acting'>;

/** It always acts. */
const machine = setup({
  types: { context: {} as Facts, input: {} as Facts, events: {} as { type: 'act' } },
  actions: { act: () => {} },
}).createMachine({
  context: ({ input }) => input,
  initial: 'acting',
  states: { acting: { on: { act: { actions: { type: 'act' } } } } },
});

/** Reports what it observes as the volume's message, and leaves the rest of the status as it finds it. */
const reporter = (more: Pick<Definition, 'watches' | 'observe'> & Partial<Definition>): Definition => ({
  name: 'test',
  kind: 'Volume',
  machine,
  commands: { act: async () => {} },
  report: ({ status }, { message }) => ({ ...status, message }),
  ...more,
});

describe('the controller host, whatever comes when', () => {
  let world: World;

  beforeEach(async () => {
    world = await createWorld({ objects: [node('node-1'), node('node-2')] });
  });
  afterEach(() => world.close());

  const before = volume('disk', { node: 'node-1' }, { phase: 'attaching' });
  const moved = { phase: 'attached', node: 'node-1' } as const;
  /** What somebody else makes of the volume. */
  const OTHERS = {
    'another status': () => world.put(volume('disk', { node: 'node-1' }, moved)),
    'another spec': () => world.put(volume('disk', { node: 'node-2' }, { phase: 'attaching' })),
    'no volume any more': () => world.remove('Volume', 'disk'),
    'another volume of its name': async () => {
      await world.remove('Volume', 'disk');
      await world.put(volume('disk', { node: 'node-2' }, moved, { uid: 'another' }));
    },
  };
  const MOMENTS = ['it observes', 'it acts', 'it reports'] as const;

  for (const { moment, other } of combinations<{
    moment: (typeof MOMENTS)[number];
    other: keyof typeof OTHERS;
  }>({ moment: MOMENTS, other: Object.keys(OTHERS) as (keyof typeof OTHERS)[] })) {
    it(`keeps what somebody else writes while ${moment}: ${other}`, async () => {
      await world.put(before);
      let written: Volume | undefined;
      let isDue = true;
      const reach = async (reached: (typeof MOMENTS)[number]) => {
        if (reached !== moment || !isDue) return;
        isDue = false;
        await OTHERS[other]();
        written = world.find('Volume', 'disk');
      };
      const definition = reporter({
        watches: { Volume: ({ metadata }) => [metadata.name] },
        observe: async ({ spec }) => {
          await reach('it observes');
          return { message: `for ${spec.node}` };
        },
        commands: { act: () => reach('it acts') },
      });
      const running = runController(definition, {
        ...world.environment,
        client: asItReports(world.client, () => reach('it reports')),
      });
      await running.idle();
      await running.stop();
      expect(isDue).to.equal(false);
      const status = written && { ...written.status, message: `for ${written.spec.node}` };
      expect(world.find('Volume', 'disk')?.status).to.deep.equal(status);
      expect(world.failures).to.deep.equal([]);
    });
  }

  it('looks at all that an object concerns and concerned, wherever it moves', async () => {
    const mounting = (disks: readonly string[]) =>
      alloc('db', { template: { volumes: disks.map((disk) => ({ name: disk, volume: disk, path: disk })) } });
    const disksOf = ({ spec }: Alloc) => (spec.template.volumes ?? []).map((mount) => mount.volume);
    const definition = reporter({
      watches: { Volume: ({ metadata }) => [metadata.name], Alloc: disksOf },
      observe: ({ metadata: { name } }, { reader }) => ({
        message: `mounted ${reader.byIndex('Alloc', 'volume', name).length} times`,
      }),
    });
    const places: readonly (readonly string[] | undefined)[] = [undefined, [], ['a'], ['b'], ['a', 'b']];
    await world.put(volume('a'), volume('b'));
    await world.run(definition);
    const move = async (to: readonly string[] | undefined) => {
      if (to) await world.put(mounting(to));
      else if (world.find('Alloc', 'db')) await world.remove('Alloc', 'db');
      for (const disk of ['a', 'b']) {
        const message = `mounted ${to?.includes(disk) ? 1 : 0} times`;
        expect(world.get('Volume', disk).status.message, `${disk} on the way to ${to}`).to.equal(message);
      }
    };
    for (const from of places) {
      for (const to of places) {
        await move(from);
        await move(to);
      }
    }
  });
});

/** The client, to whose writes of a status somebody else comes first. */
const asItReports = (client: Client, first: () => Promise<void>): Client => ({
  ...client,
  updateStatus: async (object, options) => {
    await first();
    return client.updateStatus(object, options);
  },
});
