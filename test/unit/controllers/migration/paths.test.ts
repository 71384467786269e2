import { expect } from 'chai';
import { timestamp } from '../../../../api/clock.ts';
import type { AnyObject } from '../../../../api/kinds/index.ts';
import { migrationController } from '../../../../controllers/migration/controller.ts';
import { machine, type State } from '../../../../controllers/migration/machine.ts';
import { MIGRATION_ANNOTATION } from '../../../../controllers/migration/roles.ts';
import { changed } from '../../../vocabulary/objects.ts';
import { describePaths } from '../../../vocabulary/paths.ts';
import type { Situation } from '../../../vocabulary/theatre.ts';
import type { World } from '../../../vocabulary/world.ts';
import { begin, type ModelWorld, NOW_MS, objectsOf } from './model.ts';

const NAME = 'web-0-old';
const forth = begin('start-first', 0);
const volumeFirst = begin('stop-first', 0);
const replacement = { node: 'node-2', desired: 'running', phase: 'pending', isRouted: false } as const;
const healthy = { ...replacement, phase: 'healthy' } as const;
const placed = { ...forth.record, hasReplacement: true, hasDeadline: true };
const unrouted = { ...placed, isUnrouted: true };
const turnedBack = { ...placed, isTurnedBack: true };
const suspended = { desired: 'suspended', phase: 'suspended', by: '' } as const;
const over = { node: 'node-2', desired: 'stopped', phase: 'stopped', isRouted: false } as const;

type Parts = Pick<Situation<State, object>, 'when' | 'state' | 'rests' | 'after'>;
const situation = (
  parts: Parts,
  start: ModelWorld,
  change: Partial<ModelWorld>,
): Situation<State, object> => ({
  ...parts,
  objects: objectsOf({ ...start, ...change }),
});

const original = (desired: string) => (world: World) =>
  expect(world.get('Alloc', NAME).spec.desired).to.equal(desired);
const volumeIsWanted = (on: string) => (world: World) =>
  expect(world.get('Volume', 'data').spec.node).to.equal(on);
const replacementIs = (desired: string) => (world: World) => {
  original('running')(world);
  expect(world.get('Alloc', 'web-0-new').spec.desired).to.equal(desired);
};
const ends = (phase: State) => (world: World) => {
  const { status } = world.get('Migration', NAME);
  expect(status.phase).to.equal(phase);
  expect(status.finishedAt).not.to.equal(undefined);
};

/** The replacement has to be healthy for longer than it was. */
const justHealthy = (objects: readonly AnyObject[]): AnyObject[] =>
  objects.map((each) => {
    if (each.kind === 'Service') {
      return changed(each, { spec: { migration: { ...each.spec.migration, minHealthy: '10s' } } });
    }
    return each.kind === 'Alloc' ? changed(each, { status: { healthyAt: timestamp(NOW_MS - 1) } }) : each;
  });

/** Replacements of these names were lost before; the one that is there was made by this migration. */
const withLost = (objects: readonly AnyObject[], lost: string[]): AnyObject[] => {
  const uid = objects.find(({ kind }) => kind === 'Migration')?.metadata.uid ?? '';
  return objects.map((each) => {
    if (each.kind === 'Migration') return changed(each, { status: { lost } });
    if (each.kind !== 'Alloc' || each.metadata.name === NAME) return each;
    return changed(each, { metadata: { annotations: { [MIGRATION_ANNOTATION]: uid } } });
  });
};

describePaths('the ways of the migration controller', {
  machine,
  key: NAME,
  startMs: NOW_MS,
  stage: () => ({ controller: migrationController }),
  situations: [
    situation(
      { when: 'it is new', state: 'placing', rests: 'awaitingHealthy', after: original('running') },
      forth,
      {},
    ),
    situation(
      { when: 'its replacement is not prepared', state: 'preparing', after: original('running') },
      volumeFirst,
      {
        record: placed,
        replacement,
      },
    ),
    situation(
      {
        when: 'its replacement needs only the volume',
        state: 'suspendingOriginal',
        after: original('suspended'),
      },
      volumeFirst,
      { record: placed, replacement: { ...replacement, phase: 'waiting' } },
    ),
    situation(
      { when: 'its original is suspended', state: 'movingVolume', after: volumeIsWanted('node-2') },
      volumeFirst,
      { record: unrouted, replacement: { ...replacement, phase: 'waiting' }, original: suspended },
    ),
    situation(
      { when: 'its replacement is not healthy', state: 'awaitingHealthy', after: replacementIs('running') },
      forth,
      { record: placed, replacement },
    ),
    {
      when: 'its replacement has only just become healthy',
      state: 'awaitingHealthy',
      objects: justHealthy(
        objectsOf({ ...forth, record: placed, replacement: { ...healthy, isRouted: true } }),
      ),
      after: replacementIs('running'),
    },
    situation(
      { when: 'its replacement is not routed', state: 'awaitingRoute', after: replacementIs('running') },
      forth,
      { record: placed, replacement: healthy },
    ),
    situation(
      { when: 'its replacement is routed', state: 'stoppingOriginal', after: original('stopped') },
      forth,
      { record: placed, replacement: { ...healthy, isRouted: true } },
    ),
    situation({ when: 'its original has stopped', state: 'done', after: ends('done') }, forth, {
      record: placed,
      replacement: { ...healthy, isRouted: true },
      original: { desired: 'stopped', phase: 'stopped', by: 'Migrated' },
    }),
    situation(
      { when: 'its replacement has failed', state: 'turningBack', rests: 'failed', after: ends('failed') },
      forth,
      { record: placed, replacement: { ...replacement, phase: 'failed' } },
    ),
    situation(
      {
        when: 'its replacement was lost',
        state: 'startingOver',
        rests: 'awaitingHealthy',
        after(world) {
          original('running')(world);
          const { lost, replacement: next = '' } = world.get('Migration', NAME).status;
          expect(lost).to.deep.equal(['web-0-new']);
          expect(world.get('Alloc', next).spec).to.include({ desired: 'running', replaces: NAME });
        },
      },
      forth,
      { record: placed, replacement: { ...replacement, phase: 'lost' } },
    ),
    {
      when: 'its replacement was lost, as too many before it',
      state: 'turningBack',
      rests: 'failed',
      objects: withLost(
        objectsOf({ ...forth, record: placed, replacement: { ...replacement, phase: 'lost' } }),
        ['a', 'b', 'c', 'd', 'e'],
      ),
      after: ends('failed'),
    },
    {
      when: 'the loss of its replacement is on record',
      state: 'placing',
      rests: 'awaitingHealthy',
      objects: withLost(
        objectsOf({
          ...forth,
          record: { ...placed, hasReplacement: false },
          replacement: { ...replacement, phase: 'lost' },
        }),
        ['web-0-new'],
      ),
      after(world) {
        const { replacement: next = '' } = world.get('Migration', NAME).status;
        expect(world.get('Alloc', next).spec).to.include({ desired: 'running', replaces: NAME });
        expect(next).not.to.equal('web-0-new');
      },
    },
    situation(
      {
        when: 'the node of its replacement is down',
        state: 'startingOver',
        after: replacementIs('running'),
      },
      forth,
      { record: placed, replacement: { ...healthy, isRouted: true }, down: ['node-2'] },
    ),
    situation(
      {
        when: 'its replacement was not healthy in time',
        state: 'turningBack',
        rests: 'stoppingReplacement',
        after(world) {
          replacementIs('stopped')(world);
          expect(world.get('Migration', NAME).status.failure?.reason).to.equal('HealthyDeadlineExceeded');
        },
      },
      forth,
      { record: placed, replacement, isDeadlineOver: true },
    ),
    situation(
      {
        when: 'it is cancelled before its replacement is healthy',
        state: 'turningBack',
        rests: 'stoppingReplacement',
        after: replacementIs('stopped'),
      },
      forth,
      { record: placed, replacement, isCancelled: true },
    ),
    situation(
      { when: 'it was turned back', state: 'stoppingReplacement', after: replacementIs('stopped') },
      forth,
      { record: turnedBack, replacement: healthy },
    ),
    situation(
      {
        when: 'it was turned back with the volume at the target',
        state: 'returningVolume',
        after(world) {
          volumeIsWanted('node-1')(world);
          original('suspended')(world);
        },
      },
      volumeFirst,
      {
        record: { ...unrouted, isTurnedBack: true },
        replacement: over,
        original: suspended,
        volume: { wanted: 'node-2', at: 'node-2', isBroken: false },
      },
    ),
    situation(
      { when: 'the volume is back', state: 'resumingOriginal', after: original('running') },
      volumeFirst,
      { record: { ...unrouted, isTurnedBack: true }, replacement: over, original: suspended },
    ),
    situation({ when: 'it failed, and its original serves', state: 'failed', after: ends('failed') }, forth, {
      record: { ...turnedBack, failure: 'ReplacementFailed' },
      replacement: over,
    }),
    situation(
      { when: 'it was undone, and its original serves', state: 'cancelled', after: ends('cancelled') },
      forth,
      {
        record: turnedBack,
        replacement: over,
      },
    ),
    situation({ when: 'its slot is not wanted any more', state: 'retiringSlot' }, forth, {
      record: placed,
      replacement,
      original: { desired: 'stopped', phase: 'healthy', by: 'ScaledDown' },
    }),
  ],
});
