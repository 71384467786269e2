import { expect } from 'chai';
import sinon from 'sinon';
import { setup } from 'xstate';
import type { Volume } from '../../../../api/kinds/volume.ts';
import { type ControllerDefinition, runController } from '../../../../runtime/controller/controller.ts';
import { climb } from '../../../../runtime/controller/machine.ts';
import { flushMicrotasks, START_MS } from '../../../vocabulary/clock.ts';
import { node, volume } from '../../../vocabulary/objects.ts';
import { createWorld, type World } from '../../../vocabulary/world.ts';

interface Facts {
  readonly isAttached: boolean;
  readonly node: string | undefined;
}
type Command = { readonly type: 'attach'; readonly params: { readonly node: string } };
type State = 'attaching' | 'attached';

const machine = setup({
  types: { context: {} as Facts, input: {} as Facts, events: {} as { type: 'act' } },
  actions: { attach: (_, _params: Command['params']) => {} },
}).createMachine({
  context: ({ input }) => input,
  initial: 'attaching',
  states: {
    attaching: {
      always: { guard: ({ context }) => context.isAttached, target: 'attached' },
      on: { act: { actions: { type: 'attach', params: ({ context }) => ({ node: context.node ?? '' }) } } },
    },
    attached: {},
  },
});

describe('the machine host', () => {
  it('climbs to the first state whose work is not done, and lists its commands alone', () => {
    expect(climb(machine, { isAttached: false, node: 'node-1' })).to.deep.equal({
      state: 'attaching',
      commands: [{ type: 'attach', params: { node: 'node-1' } }],
    });
    expect(climb(machine, { isAttached: true, node: 'node-1' })).to.deep.equal({
      state: 'attached',
      commands: [],
    });
  });
});

describe('the controller host', () => {
  let world: World;
  const attach = sinon.stub<[Command['params']], Promise<void>>();
  const forget = sinon.stub<[string], void>();

  const definition = (more: Partial<ControllerDefinition<'Volume', Facts, Command, State>> = {}) => ({
    name: 'test',
    kind: 'Volume' as const,
    watches: {
      Volume: ({ metadata }: Volume) => [metadata.name],
      Node: () => ['disk'],
    },
    observe: ({ spec, status }: Volume) => ({ isAttached: status.phase === 'attached', node: spec.node }),
    machine,
    commands: { attach: (params: Command['params']) => attach(params) },
    report: ({ status }: Volume, { node }: Facts) => ({ ...status, message: `for ${node}` }),
    forget: (key: string) => forget(key),
    ...more,
  });

  beforeEach(async () => {
    attach.reset();
    attach.resolves();
    forget.reset();
    world = await createWorld({ objects: [node('node-1'), volume('disk', { node: 'node-1' })] });
  });
  afterEach(() => world.close());

  it('observes, decides, acts and reports for each object that is there at the start', async () => {
    await world.run(definition());
    await world.settle();
    expect(attach.firstCall.args).to.deep.equal([{ node: 'node-1' }]);
    expect(world.get('Volume', 'disk').status.message).to.equal('for node-1');
  });

  it('writes a status only where it differs', async () => {
    await world.run(definition());
    await world.settle();
    const { resourceVersion } = world.get('Volume', 'disk').metadata;
    await world.put(node('node-1', { unschedulable: true }));
    await world.settle();
    expect(attach.callCount).to.be.greaterThan(1);
    expect(world.get('Volume', 'disk').metadata.resourceVersion).to.equal(resourceVersion);
  });

  it('tries again after a command that throws, and reports nothing meanwhile', async () => {
    attach.onFirstCall().rejects(new Error('the driver is away'));
    await world.run(definition());
    await world.settle();
    expect(world.get('Volume', 'disk').status.message).to.equal(undefined);
    await world.advance(1_000);
    expect(world.get('Volume', 'disk').status.message).to.equal('for node-1');
  });

  it('wakes at the time that the facts name', async () => {
    await world.run(definition({ wakeAt: () => START_MS + 5_000 }));
    await world.settle();
    const { callCount } = attach;
    await world.advance(4_999);
    expect(attach.callCount).to.equal(callCount);
    await world.advance(1);
    expect(attach.callCount).to.equal(callCount + 1);
  });

  it('goes no further when it is stopped in the middle: another may be at work already', async () => {
    let goOn = () => {};
    let observed = 0;
    const reached = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const observe = async () => {
      observed += 1;
      await reached;
      return { isAttached: false, node: 'node-1' };
    };
    const controller = runController(definition({ observe }), world.environment);
    await flushMicrotasks();
    expect(observed).to.equal(1);
    const stopped = controller.stop();
    goOn();
    await stopped;
    expect(attach.callCount).to.equal(0);
    expect(world.get('Volume', 'disk').status.message).to.equal(undefined);
  });

  it('forgets what is gone', async () => {
    await world.run(definition());
    await world.settle();
    await world.remove('Volume', 'disk');
    await world.settle();
    expect(forget.calledOnceWith('disk')).to.equal(true);
  });
});
