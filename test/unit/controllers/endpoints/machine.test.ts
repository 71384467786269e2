import { expect } from 'chai';
import type { Facts } from '../../../../controllers/endpoints/facts.ts';
import { type Command, machine, type State } from '../../../../controllers/endpoints/machine.ts';
import { climb } from '../../../../runtime/controller/machine.ts';
import { combinations } from '../../../vocabulary/combinations.ts';

const wanted = { service: 'web', drainTimeoutMs: 10_000, ports: [], allocs: ['web-0'] };
const facts = (part: Partial<Facts>): Facts => ({
  wanted,
  exists: true,
  isWritten: true,
  outdated: [],
  acknowledged: [],
  waiting: [],
  gateways: [],
  ...part,
});
const acknowledged = [{ alloc: 'web-0', route: 'routed' }] as const;

describe('the endpoints machine', () => {
  const cases: readonly [string, Partial<Facts>, State, readonly string[]][] = [
    [
      'what is not there is created',
      { exists: false, isWritten: false },
      'writing',
      ['clearRoutes', 'createEndpoints'],
    ],
    ['what differs is updated', { isWritten: false }, 'writing', ['clearRoutes', 'updateEndpoints']],
    [
      'what every gateway has applied is acknowledged',
      { acknowledged },
      'acknowledging',
      ['acknowledgeRoutes'],
    ],
    ['the rest waits for the gateways', { waiting: ['web-1'] }, 'awaitingGateways', []],
    ['then nothing is left to do', {}, 'routed', []],
  ];
  for (const [name, part, state, commands] of cases) {
    it(name, () => {
      const result = climb<State, Command>(machine, facts(part));
      expect(result.state).to.equal(state);
      expect(result.commands.map((command) => command.type)).to.deep.equal(commands);
    });
  }

  it('acknowledges nothing before what is wanted is written, whatever the facts are', () => {
    const all = combinations<Facts>({
      wanted: [wanted],
      exists: [true, false],
      isWritten: [true, false],
      outdated: [[], [{ alloc: 'web-1', resourceVersion: '3' }]],
      acknowledged: [[], acknowledged],
      waiting: [[], ['web-1']],
      gateways: [[], ['edge']],
      waitsUntilMs: [undefined, 1],
    });
    const seen = new Set<State>();
    for (const each of all) {
      const { state, commands } = climb<State, Command>(machine, each);
      seen.add(state);
      const types = commands.map((command) => command.type);
      if (types.includes('createEndpoints')) expect(each.exists).to.equal(false);
      if (types.includes('updateEndpoints')) expect(each.exists).to.equal(true);
      if (state === 'routed')
        expect(each).to.deep.include({ isWritten: true, acknowledged: [], waiting: [] });
      if (types.includes('acknowledgeRoutes')) expect(each.isWritten).to.equal(true);
      const written = types.findIndex((type) => type.endsWith('Endpoints'));
      // An old acknowledgement has to go before the Endpoints that it is not of.
      if (written >= 0) expect(types.indexOf('clearRoutes')).to.be.within(0, written - 1);
    }
    expect([...seen].sort()).to.deep.equal(Object.keys(machine.states).sort());
  });
});
