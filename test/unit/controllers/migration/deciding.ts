/** What the tests of the migration machine have in common. */
import { expect } from 'chai';
import type { Facts } from '../../../../controllers/migration/facts.ts';
import { type Command, machine, type State } from '../../../../controllers/migration/machine.ts';
import { climb } from '../../../../runtime/controller/machine.ts';
import { facts } from './facts.ts';

export const stopFirst = { strategy: 'stop-first', volumesAtTarget: 'away' } as const;
export const broken = { trouble: { reason: 'ReplacementFailed', message: 'it failed' } } as const;
export const recorded = { failure: broken.trouble, isTurnedBack: true } as const;

export const decide = (each: Facts) => {
  const { state, commands } = climb<State, Command>(machine, each);
  return { state, commands, types: commands.map((command) => command.type) };
};

export function check(
  name: string,
  part: Partial<Facts>,
  state: State,
  commands: readonly Command['type'][],
): void {
  it(name, () => {
    const result = decide(facts(part));
    expect({ state: result.state, commands: result.types }).to.deep.equal({ state, commands });
  });
}
