import { expect } from 'chai';
import { MIGRATION_PHASES } from '../../../../api/kinds/migration.ts';
import { canComeBack, type Facts } from '../../../../controllers/migration/facts.ts';
import type { Command, State } from '../../../../controllers/migration/machine.ts';
import { decide } from './deciding.ts';
import { everyCombination } from './facts.ts';

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
