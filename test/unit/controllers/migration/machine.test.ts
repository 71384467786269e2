import { expect } from 'chai';
import { MIGRATION_PHASES } from '../../../../api/kinds/migration.ts';
import { canComeBack, type Facts } from '../../../../controllers/migration/facts.ts';
import { type Command, machine, type State } from '../../../../controllers/migration/machine.ts';
import { climb } from '../../../../runtime/controller/machine.ts';
import { everyCombination, facts } from './facts.ts';

const stopFirst = { strategy: 'stop-first', volumesAtTarget: 'away' } as const;
const broken = { trouble: { reason: 'ReplacementFailed', message: 'it failed' } } as const;
const recorded = { failure: broken.trouble, isTurnedBack: true } as const;

const decide = (each: Facts) => {
  const { state, commands } = climb<State, Command>(machine, each);
  return { state, commands, types: commands.map((command) => command.type) };
};

describe('the migration machine, start-first', () => {
  check('places a replacement', {}, 'placing', ['createReplacement']);
  check(
    'waits until an earlier replacement has left the slot',
    { replacement: 'leftover', place: undefined },
    'placing',
    [],
  );
  check('does not wait for preparations', { replacement: 'pending' }, 'awaitingHealthy', []);
  check('waits for minHealthy', { replacement: 'healthy' }, 'awaitingHealthy', []);
  check('waits for every live gateway', { replacement: 'proven' }, 'awaitingRoute', []);
  check('stops the original when the replacement is routed', { replacement: 'routed' }, 'stoppingOriginal', [
    'stopOriginal',
  ]);
  check(
    'waits until the original is over',
    { replacement: 'routed', original: 'handingOver' },
    'stoppingOriginal',
    [],
  );
  check('is done when it is', { replacement: 'routed', original: 'handedOver' }, 'done', ['announceEnd']);
  check(
    'goes on to the end once the original was handed over',
    { replacement: 'gone', original: 'handingOver', ...broken },
    'stoppingOriginal',
    [],
  );
  check('stays done', { end: 'done', original: 'gone', replacement: 'gone', ...broken }, 'done', []);
});

describe('the migration machine, stop-first', () => {
  check('places a replacement while the original serves', stopFirst, 'placing', ['createReplacement']);
  check(
    'leaves the original alone until the replacement is prepared',
    { ...stopFirst, replacement: 'pending' },
    'preparing',
    [],
  );
  check(
    'records the suspension before it suspends',
    { ...stopFirst, replacement: 'prepared' },
    'suspendingOriginal',
    ['recordSuspension', 'suspendOriginal'],
  );
  check(
    'suspends what was recorded and not done',
    { ...stopFirst, replacement: 'prepared', isSuspensionRecorded: true },
    'suspendingOriginal',
    ['suspendOriginal'],
  );
  check(
    'waits until the process is gone',
    { ...stopFirst, replacement: 'prepared', isSuspensionRecorded: true, original: 'suspending' },
    'suspendingOriginal',
    [],
  );
  check(
    'moves the volume then',
    { ...stopFirst, replacement: 'prepared', isSuspensionRecorded: true, original: 'suspended' },
    'movingVolume',
    ['wantVolumes'],
  );
  check(
    'waits for the volume',
    {
      ...stopFirst,
      volumesAtTarget: 'asked',
      replacement: 'prepared',
      isSuspensionRecorded: true,
      original: 'suspended',
    },
    'movingVolume',
    [],
  );
  check(
    'stops a suspended original when the replacement is routed',
    {
      ...stopFirst,
      volumesAtTarget: 'there',
      replacement: 'routed',
      isSuspensionRecorded: true,
      original: 'suspended',
    },
    'stoppingOriginal',
    ['stopOriginal'],
  );
  check(
    'on one node suspends before it places',
    { ...stopFirst, place: 'node-1', volumesAtTarget: 'there' },
    'suspendingOriginal',
    ['recordSuspension', 'suspendOriginal'],
  );
  check(
    'on one node places when the original is suspended',
    {
      ...stopFirst,
      place: 'node-1',
      volumesAtTarget: 'there',
      original: 'suspended',
      isSuspensionRecorded: true,
    },
    'placing',
    ['createReplacement'],
  );
  check(
    'waits for an original that others stop before it moves the volume',
    { ...stopFirst, replacement: 'prepared', original: 'leaving' },
    'suspendingOriginal',
    [],
  );
  check(
    'moves the volume of an original that crashed',
    { ...stopFirst, replacement: 'prepared', original: 'gone' },
    'movingVolume',
    ['wantVolumes'],
  );
});

describe('the migration machine when a replacement is lost', () => {
  const lost = { isReplacementLost: true, replacement: 'gone' } as const;
  check('records that before it looks for another place', lost, 'startingOver', ['recordLoss']);
  check(
    'waits until one on a node that is down is over, and stops nothing for it',
    { isReplacementLost: true, replacement: 'routed' },
    'startingOver',
    [],
  );
  check(
    'leaves an original suspended that waits for the next one',
    { ...stopFirst, ...lost, volumesAtTarget: 'there', original: 'suspended', isSuspensionRecorded: true },
    'startingOver',
    ['recordLoss'],
  );
  check(
    'places the next one beside an original that is suspended already',
    { ...stopFirst, original: 'suspended', isSuspensionRecorded: true },
    'placing',
    ['createReplacement'],
  );
  check(
    'turns back when there is no place for another',
    { original: 'suspended', place: undefined, trouble: { reason: 'NoPlace', message: 'none' } },
    'turningBack',
    ['recordTurnBack'],
  );
  check('does not try another when it is cancelled', { ...lost, isCancelled: true }, 'turningBack', [
    'recordTurnBack',
  ]);
  check('goes on with the way back where that was recorded', { ...lost, ...recorded }, 'failed', [
    'announceEnd',
  ]);
  check(
    'goes on to the end once the original was handed over',
    { ...lost, original: 'handingOver' },
    'stoppingOriginal',
    [],
  );
  check('records it also when the original is lost too', { ...lost, original: 'gone' }, 'startingOver', [
    'recordLoss',
  ]);
});

describe('the migration machine on its way back', () => {
  check(
    'records that there is no place',
    { place: undefined, trouble: { reason: 'NoPlace', message: 'none' } },
    'turningBack',
    ['recordTurnBack'],
  );
  check('fails without having touched anything', { ...recorded, place: undefined }, 'failed', [
    'announceEnd',
  ]);
  check('records why before anything is undone', { ...broken, replacement: 'gone' }, 'turningBack', [
    'recordTurnBack',
  ]);
  check(
    'a replacement that crashes when it was routed turns it back',
    { ...broken, replacement: 'gone', original: 'serving' },
    'turningBack',
    ['recordTurnBack'],
  );
  check('stops the replacement', { ...recorded, replacement: 'prepared' }, 'stoppingReplacement', [
    'stopReplacement',
  ]);
  check(
    'waits until the replacement is over',
    { ...recorded, replacement: 'stopping', ...broken },
    'stoppingReplacement',
    [],
  );
  check(
    'brings the volume home',
    {
      ...stopFirst,
      ...recorded,
      volumesAtTarget: 'there',
      volumesAtOrigin: 'away',
      original: 'suspended',
      replacement: 'gone',
      isSuspensionRecorded: true,
    },
    'returningVolume',
    ['wantVolumes'],
  );
  check(
    'waits for the volume',
    {
      ...stopFirst,
      ...recorded,
      volumesAtOrigin: 'asked',
      original: 'suspended',
      replacement: 'gone',
      isSuspensionRecorded: true,
    },
    'returningVolume',
    [],
  );
  check(
    'resumes the original',
    { ...stopFirst, ...recorded, original: 'suspended', replacement: 'gone', isSuspensionRecorded: true },
    'resumingOriginal',
    ['resumeOriginal'],
  );
  check(
    'waits until it serves',
    { ...stopFirst, ...recorded, original: 'running', replacement: 'gone', isSuspensionRecorded: true },
    'resumingOriginal',
    [],
  );
  check(
    'has failed when it serves',
    { ...stopFirst, ...recorded, replacement: 'gone', isSuspensionRecorded: true },
    'failed',
    ['announceEnd'],
  );
  check(
    'does not wait for it for ever',
    {
      ...stopFirst,
      ...recorded,
      original: 'running',
      replacement: 'gone',
      isSuspensionRecorded: true,
      isOverdue: true,
    },
    'failed',
    ['announceEnd'],
  );
  check(
    'does not wait for a volume for ever',
    {
      ...stopFirst,
      ...recorded,
      volumesAtOrigin: 'asked',
      original: 'suspended',
      replacement: 'gone',
      isSuspensionRecorded: true,
      isOverdue: true,
    },
    'resumingOriginal',
    ['resumeOriginal'],
  );
  check(
    'leaves the replacement alone when the original is lost',
    { ...recorded, original: 'gone', replacement: 'prepared' },
    'failed',
    ['announceEnd'],
  );
  check('cancelled: undone', { isCancelled: true, replacement: 'prepared' }, 'turningBack', [
    'recordTurnBack',
  ]);
  check(
    'cancelled: finishes when the replacement is healthy',
    { isCancelled: true, replacement: 'healthy' },
    'awaitingHealthy',
    [],
  );
  check(
    'cancelled: goes on when there is nothing to go back to',
    { isCancelled: true, replacement: 'prepared', original: 'gone' },
    'awaitingHealthy',
    [],
  );
  check('cancelled: ends so', { isTurnedBack: true, replacement: 'gone', ...broken }, 'cancelled', [
    'announceEnd',
  ]);
  check(
    'not cancelled any more: is undone all the same',
    { isTurnedBack: true, replacement: 'prepared' },
    'stoppingReplacement',
    ['stopReplacement'],
  );
});

describe('the migration machine when the original leaves by itself', () => {
  check('is done when there is no replacement', { original: 'gone' }, 'done', ['announceEnd']);
  check('waits until it is over', { original: 'leaving' }, 'stoppingOriginal', []);
  check(
    'lets the replacement take over',
    { original: 'gone', replacement: 'prepared' },
    'awaitingHealthy',
    [],
  );
  check('is done when the replacement is routed', { original: 'gone', replacement: 'routed' }, 'done', [
    'announceEnd',
  ]);
  check(
    'fails when the replacement fails, too',
    { original: 'gone', replacement: 'gone', ...broken },
    'turningBack',
    ['recordTurnBack'],
  );
  check(
    'scaled down: stops the replacement',
    { isSlotRetired: true, original: 'leaving', replacement: 'routed' },
    'retiringSlot',
    ['stopReplacement'],
  );
  check(
    'scaled down: waits until both are over',
    { isSlotRetired: true, original: 'leaving', replacement: 'gone', ...broken },
    'retiringSlot',
    [],
  );
  check(
    'scaled down: is done',
    { isSlotRetired: true, original: 'gone', replacement: 'gone', ...broken },
    'done',
    ['announceEnd'],
  );
});

describe('the migration machine in every combination of facts', () => {
  const all = [...everyCombination()].map((each) => ({ facts: each, ...decide(each) }));
  const commanding = (type: Command['type']) => all.filter(({ types }) => types.includes(type));
  const expectNone = (found: typeof all, what: string) =>
    expect(
      found.slice(0, 3).map(({ facts: each, state, types }) => ({ each, state, types })),
      what,
    ).to.deep.equal([]);

  it('reaches every phase, and no other state', () => {
    expect(new Set(all.map(({ state }) => state))).to.deep.equal(new Set(MIGRATION_PHASES));
  });

  it('stops the original only when the replacement is healthy and routed', () => {
    const wrong = commanding('stopOriginal').filter(
      ({ facts: { replacement, trouble, isReplacementLost } }) =>
        replacement !== 'routed' || trouble !== undefined || isReplacementLost,
    );
    expectNone(wrong, 'stopOriginal');
    expect(commanding('stopOriginal')).not.to.be.empty;
  });

  it('never stops the replacement of a wanted slot unless the original can come back', () => {
    const wrong = commanding('stopReplacement').filter(
      ({ facts: { original, isSlotRetired } }) => !canComeBack(original) && !isSlotRetired,
    );
    expectNone(wrong, 'stopReplacement');
  });

  it('never takes away both at once', () => {
    const wrong = all.filter(
      ({ types }) => types.includes('stopReplacement') && types.includes('stopOriginal'),
    );
    expectNone(wrong, 'both');
  });

  it('moves a volume away only from an original whose process is gone', () => {
    const wrong = commanding('wantVolumes').filter(
      ({ state, facts: { original } }) =>
        state === 'movingVolume' && !['suspended', 'gone', 'handedOver'].includes(original),
    );
    expectNone(wrong, 'move under a live writer');
  });

  it('brings a volume back only when the replacement is over', () => {
    const wrong = commanding('wantVolumes').filter(
      ({ state, facts: { replacement } }) =>
        state === 'returningVolume' && !['none', 'gone'].includes(replacement),
    );
    expectNone(wrong, 'return under a live writer');
  });

  it('wants a volume only at the target or at the origin, as the direction is', () => {
    for (const { state, commands } of commanding('wantVolumes')) {
      for (const command of commands) {
        if (command.type !== 'wantVolumes') continue;
        expect(command.params).to.deep.equal({
          volumes: ['data'],
          node: state === 'returningVolume' ? 'node-1' : 'node-2',
        });
      }
    }
  });

  it('suspends only in a stop-first migration that is not being undone, and records it first', () => {
    for (const { facts: each, types } of commanding('suspendOriginal')) {
      expect(each.strategy).to.equal('stop-first');
      expect(each.isTurnedBack || each.trouble !== undefined).to.equal(false);
      if (!each.isSuspensionRecorded) expect(types).to.deep.equal(['recordSuspension', 'suspendOriginal']);
    }
  });

  it('resumes only when the replacement is over', () => {
    const wrong = commanding('resumeOriginal').filter(
      ({ facts: { replacement } }) => !['none', 'gone'].includes(replacement),
    );
    expectNone(wrong, 'resumeOriginal');
  });

  it('never puts a replacement of a volume next to a live original on the same node', () => {
    const wrong = commanding('createReplacement').filter(
      ({ facts: { strategy, place, origin, original } }) =>
        strategy === 'stop-first' && place === origin && original !== 'suspended',
    );
    expectNone(wrong, 'two writers');
  });

  it('undoes nothing before the reason is recorded', () => {
    const wrong = all.filter(
      ({ state, facts: each }) =>
        ['stoppingReplacement', 'returningVolume', 'resumingOriginal'].includes(state) && !each.isTurnedBack,
    );
    expectNone(wrong, 'unrecorded');
  });

  it('counts a replacement as lost only when it is over, and while it goes forward', () => {
    const wrong = commanding('recordLoss').filter(
      ({ types, facts: each }) =>
        types.length !== 1 || each.replacement !== 'gone' || each.isTurnedBack || !each.isReplacementLost,
    );
    expectNone(wrong, 'recordLoss');
    expect(commanding('recordLoss')).not.to.be.empty;
  });

  it('touches neither the original nor a volume before a loss is recorded', () => {
    const wrong = all.filter(
      ({ state, types }) => state === 'startingOver' && types.some((type) => type !== 'recordLoss'),
    );
    expectNone(wrong, 'startingOver');
  });

  it('creates nothing once it was turned back, cancelled or retired', () => {
    const wrong = commanding('createReplacement').filter(
      ({ facts: each }) => each.isTurnedBack || each.isCancelled || each.isSlotRetired,
    );
    expectNone(wrong, 'createReplacement');
  });

  it('ends failed exactly when a failure is on record', () => {
    for (const { state, facts: each } of all) {
      if (state === 'failed') expect(each.failure).not.to.equal(undefined);
      if (state === 'done' || state === 'cancelled') expect(each.failure).to.equal(undefined);
    }
  });

  it('commands something or waits for something with a name, in every state that is no end', () => {
    const wrong = all.filter(({ state, types, facts: each }) => types.length === 0 && !awaited(state, each));
    expectNone(wrong, 'dead ends');
  });
});

/** Whom a state without a command waits for; undefined: nobody, and that would be a dead end. */
function awaited(state: State, each: Facts): string | undefined {
  const { original, replacement, volumesAtTarget, volumesAtOrigin, isOverdue } = each;
  const isActive = ['pending', 'prepared', 'healthy', 'proven', 'routed'].includes(replacement);
  switch (state) {
    case 'placing':
      return replacement === 'leftover' ? "the leftover's agent" : undefined;
    case 'preparing':
      return replacement === 'pending' ? "the target's agent, or the deadline" : undefined;
    case 'suspendingOriginal':
      return original === 'suspending' || original === 'leaving' ? "the original's agent" : undefined;
    case 'movingVolume':
      return volumesAtTarget === 'asked' ? 'the volume controller, or the deadline' : undefined;
    case 'awaitingHealthy':
      return isActive ? "the target's agent, or the deadline" : undefined;
    case 'awaitingRoute':
      return replacement === 'proven' ? 'the gateways' : undefined;
    case 'stoppingOriginal':
      return original === 'leaving' || original === 'handingOver' ? "the original's agent" : undefined;
    case 'startingOver':
      return isActive ? 'node-health' : undefined;
    case 'stoppingReplacement':
      return replacement === 'stopping' || replacement === 'leftover' ? "the target's agent" : undefined;
    case 'returningVolume':
      return volumesAtOrigin === 'asked' && !isOverdue ? 'the volume controller, or its time' : undefined;
    case 'resumingOriginal':
      return original === 'running' && !isOverdue ? "the original's agent, or its time" : undefined;
    case 'retiringSlot':
      return isActive ? undefined : 'the service controller, and the agents';
    case 'turningBack':
      return undefined;
    case 'done':
    case 'failed':
    case 'cancelled':
      return 'nobody: it is an end';
  }
}

function check(name: string, part: Partial<Facts>, state: State, commands: readonly Command['type'][]): void {
  it(name, () => {
    const result = decide(facts(part));
    expect({ state: result.state, commands: result.types }).to.deep.equal({ state, commands });
  });
}
