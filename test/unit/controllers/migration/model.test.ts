import { expect } from 'chai';
import { begin, type ModelWorld, moves, passes, targetOf } from './model.ts';

/** Two faults meet in every possible order; more add little, and cost much. */
const FAULTS = 2;

describe('a migration in a world where anything may go wrong', function () {
  this.timeout(60_000);
  for (const kind of ['start-first', 'stop-first', 'in-place'] as const) {
    describe(kind, () => {
      let reachable: Reachable;
      before(() => {
        reachable = explore(begin(kind, FAULTS));
      });

      const ifItHasVolume = kind === 'start-first' ? () => {} : it;

      ifItHasVolume('never has two writers', () => {
        for (const world of reachable.worlds.values()) {
          const isWriting = world.original.phase === 'healthy';
          expect(isWriting && world.replacement?.phase === 'healthy', show(world)).to.equal(false);
        }
      });

      it('stops the original only when the replacement is healthy and routed', () => {
        expect(reachable.stopping).not.to.have.length(0);
        for (const world of reachable.stopping) {
          expect(world.replacement, show(world)).to.include({
            desired: 'running',
            phase: 'healthy',
            isRouted: true,
          });
        }
      });

      it('ends with somebody who serves, unless a fault took that one away', () => {
        for (const world of reachable.worlds.values()) {
          const { original, replacement, record } = world;
          if (record.end === '' || world.faults < FAULTS) continue;
          const isServed =
            (original.phase === 'healthy' && original.desired === 'running') ||
            (replacement?.phase === 'healthy' && replacement.desired === 'running') ||
            world.isOverdue;
          expect(isServed, show(world)).to.equal(true);
        }
      });

      it('never leaves the original suspended behind', () => {
        for (const world of reachable.worlds.values()) {
          const isLive = world.original.phase === 'healthy' || world.original.phase === 'suspended';
          if (world.record.end === '' || world.record.end === 'done' || !isLive) continue;
          expect(world.original.desired, show(world)).not.to.equal('suspended');
        }
      });

      ifItHasVolume('gives the volume to who is to run at the end', () => {
        for (const world of reachable.worlds.values()) {
          const { original, record, replacement, volume } = world;
          if (record.end === '' || record.end === 'done') continue;
          const isBack = original.desired === 'running' && original.phase !== 'failed';
          if (isBack) expect(volume.wanted, show(world)).to.equal('node-1');
          else if (replacement?.phase === 'healthy')
            expect(volume.wanted, show(world)).to.equal(targetOf(world));
        }
      });

      it('comes to an end from everywhere, without another fault', () => {
        const stuck = [...reachable.worlds.keys()].filter((key) => !reachable.canEnd.has(key));
        expect(stuck.slice(0, 3)).to.deep.equal([]);
      });

      it('is not failed by the loss of a replacement', () => {
        const after = [...reachable.worlds.values()].filter(
          ({ record, faults }) => record.lost === 1 && faults === FAULTS - 1,
        );
        expect(after.some(({ record }) => record.end === 'done')).to.equal(true);
        // Time is no fault: the next one, too, may not be healthy before its deadline.
        for (const world of after)
          expect(world.record.failure, show(world)).to.be.oneOf(['', 'HealthyDeadlineExceeded']);
      });

      it('reaches all three ends', () => {
        const ends = new Set([...reachable.worlds.values()].map(({ record }) => record.end));
        expect([...ends].sort()).to.deep.equal(['', 'cancelled', 'done', 'failed']);
      });
    });
  }
});

interface Reachable {
  readonly worlds: ReadonlyMap<string, ModelWorld>;
  /** Worlds in which the original is told to stop. */
  readonly stopping: readonly ModelWorld[];
  /** Keys of the worlds from which an end is reached without a fault. */
  readonly canEnd: ReadonlySet<string>;
}

function explore(start: ModelWorld): Reachable {
  const worlds = new Map<string, ModelWorld>();
  const before = new Map<string, string[]>();
  const open: ModelWorld[] = [];
  const stopping: ModelWorld[] = [];
  const visit = (world: ModelWorld, from: string | undefined) => {
    const key = show(world);
    if (from !== undefined) append(before, key, from);
    if (worlds.has(key)) return;
    worlds.set(key, world);
    open.push(world);
  };
  visit(start, undefined);
  for (let world = open.pop(); world; world = open.pop()) {
    const key = show(world);
    const pass = passes(world);
    if (pass.commands.includes('stopOriginal')) stopping.push(world);
    for (const next of pass.worlds) visit(next, key);
    for (const { world: next, isFault } of moves(world)) visit(next, isFault ? undefined : key);
  }
  const canEnd = new Set<string>();
  const back = [...worlds].filter(([, { record }]) => record.end !== '').map(([key]) => key);
  for (let key = back.pop(); key !== undefined; key = back.pop()) {
    if (canEnd.has(key)) continue;
    canEnd.add(key);
    back.push(...(before.get(key) ?? []));
  }
  return { worlds, stopping, canEnd };
}

function append(lists: Map<string, string[]>, key: string, value: string): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}

const show = (world: ModelWorld): string => JSON.stringify(world);
