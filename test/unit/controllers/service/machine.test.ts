import { expect } from 'chai';
import type { Facts } from '../../../../controllers/service/facts.ts';
import { type Command, machine, type State } from '../../../../controllers/service/machine.ts';
import type { Updates } from '../../../../controllers/service/updates.ts';
import { climb } from '../../../../runtime/controller/machine.ts';
import { combinations } from '../../../vocabulary/combinations.ts';

const NO_UPDATES: Updates = { superseded: [], due: [], overtaken: [], finished: [] };
const settled: Facts = {
  isDeleting: false,
  replicas: 2,
  ready: 2,
  filled: 2,
  active: 2,
  surplus: [],
  placements: [],
  backingOff: [],
  updates: NO_UPDATES,
  outlived: [],
};
const PLACEMENT = { slot: 0, node: 'node-1', failures: 0 };
const DUE = { alloc: 'web-0-a', node: 'node-1' };

describe('the service machine', () => {
  const cases: readonly [string, Partial<Facts>, State, readonly string[]][] = [
    ['rests when all is as it should be', {}, 'settled', []],
    [
      'stops what is too much before it places what is missing',
      { surplus: ['a'], placements: [PLACEMENT] },
      'scalingDown',
      ['stopAllocs'],
    ],
    [
      'places what is missing before it updates',
      { placements: [PLACEMENT], updates: { ...NO_UPDATES, due: [DUE] } },
      'placing',
      ['createAllocs'],
    ],
    [
      'goes on with the update though a replica has no place',
      {
        unplaced: { slots: 1, reasons: [{ reason: 'there are no nodes' }] },
        updates: { ...NO_UPDATES, due: [DUE] },
      },
      'updating',
      ['startMigrations'],
    ],
    [
      'gives up what is overtaken, and what never served',
      { updates: { ...NO_UPDATES, overtaken: ['web-0-a'], superseded: ['web-1-a'] } },
      'superseding',
      ['cancelMigrations', 'stopAllocs'],
    ],
    [
      'clears up a finished migration before it starts the next',
      { updates: { ...NO_UPDATES, finished: ['web-0-a'], due: [DUE] } },
      'sweeping',
      ['deleteMigrations', 'deleteAllocs'],
    ],
    [
      'stops the allocs of a deleted service',
      { isDeleting: true, surplus: ['a'] },
      'stoppingAllocs',
      ['stopAllocs'],
    ],
    ['waits until they are over', { isDeleting: true, active: 1 }, 'awaitingAllocs', []],
    ['and lets the service go', { isDeleting: true, active: 0 }, 'releasing', ['releaseService']],
  ];
  for (const [name, part, state, commands] of cases) {
    it(name, () => {
      const result = climb<State, Command>(machine, { ...settled, ...part });
      expect(result.state).to.equal(state);
      expect(result.commands.map((command) => command.type)).to.deep.equal(commands);
    });
  }

  it('never creates, moves or sweeps for a service that goes, nor lets it go before its allocs are over', () => {
    const all = combinations<Facts>({
      isDeleting: [true, false],
      replicas: [2],
      ready: [0],
      filled: [0],
      active: [0, 1],
      surplus: [[], ['a']],
      placements: [[], [PLACEMENT]],
      backingOff: [[], [{ slot: 1, failures: 1, alloc: 'b', message: '', untilMs: 1 }]],
      unplaced: [undefined, { slots: 1, reasons: [] }],
      updates: combinations<Updates>({
        superseded: [[], ['c']],
        due: [[], [DUE]],
        overtaken: [[], ['d']],
        finished: [[], ['e']],
        failure: [undefined],
        retryAtMs: [undefined],
      }),
      outlived: [[], ['f']],
    });
    const seen = new Set<State>();
    for (const facts of all) {
      const { state, commands } = climb<State, Command>(machine, facts);
      seen.add(state);
      for (const command of commands) {
        switch (command.type) {
          case 'releaseService':
            expect(facts).to.deep.include({ isDeleting: true, active: 0, surplus: [] });
            break;
          case 'stopAllocs':
            expect(command.params.reason === 'OwnerDeleted').to.equal(facts.isDeleting);
            break;
          default:
            expect(facts.isDeleting, command.type).to.equal(false);
        }
      }
    }
    expect(seen.size).to.equal(9);
  });
});
