/** Facts of a migration for tests of its machine: by default a start-first move that just began. */
import type { Facts } from '../../../../controllers/migration/facts.ts';
import type { OriginalState, ReplacementState } from '../../../../controllers/migration/roles.ts';

const ORIGINALS: readonly OriginalState[] = [
  'serving',
  'running',
  'suspending',
  'suspended',
  'leaving',
  'gone',
  'handingOver',
  'handedOver',
];
const REPLACEMENTS: readonly ReplacementState[] = [
  'none',
  'leftover',
  'pending',
  'prepared',
  'healthy',
  'proven',
  'routed',
  'stopping',
  'gone',
];

export const facts = (part: Partial<Facts> = {}): Facts => ({
  end: undefined,
  strategy: 'start-first',
  isCancelled: false,
  isSlotRetired: false,
  isTurnedBack: false,
  isOverdue: false,
  isSuspensionRecorded: false,
  trouble: undefined,
  failure: undefined,
  original: 'serving',
  replacement: 'none',
  isReplacementLost: false,
  volumesAtTarget: 'there',
  volumesAtOrigin: 'there',
  volumesToMove: part.volumesAtTarget === 'away' ? ['data'] : [],
  volumesToReturn: part.volumesAtOrigin === 'away' ? ['data'] : [],
  origin: 'node-1',
  place: part.replacement === undefined || part.replacement === 'none' ? 'node-2' : undefined,
  target: 'node-2',
  healthySince: undefined,
  replacementName: 'web-0-new',
  healthyDeadlineMs: 300_000,
  changesAtMs: undefined,
  ...part,
});

/** Where volumes may be: [at the target, at the origin]. */
const VOLUMES = [
  ['away', 'there'],
  ['asked', 'away'],
  ['there', 'away'],
  ['away', 'asked'],
  ['away', 'away'],
  // The target is the origin.
  ['there', 'there'],
] as const;
const failure = { reason: 'ReplacementFailed', message: 'it failed' } as const;

/** Every combination of facts that the world can be in while a migration is open. */
export function* everyCombination(): Generator<Facts> {
  for (const strategy of ['start-first', 'stop-first'] as const)
    for (const [volumesAtTarget, volumesAtOrigin] of strategy === 'stop-first' ? VOLUMES : VOLUMES.slice(5))
      for (const original of ORIGINALS)
        for (const replacement of REPLACEMENTS)
          for (const back of [{}, { isTurnedBack: true }, { isTurnedBack: true, isOverdue: true }])
            for (const recorded of 'isTurnedBack' in back ? [undefined, failure] : [undefined])
              for (const [trouble, isReplacementLost] of [
                [undefined, false],
                [undefined, true],
                [failure, false],
              ] as const)
                for (const place of replacement === 'none' && !trouble ? ['node-1', 'node-2'] : [undefined])
                  for (const isCancelled of [false, true])
                    for (const isSlotRetired of [false, true])
                      for (const isSuspensionRecorded of [false, true]) {
                        const each = facts({
                          strategy,
                          volumesAtTarget,
                          volumesAtOrigin,
                          original,
                          replacement,
                          ...back,
                          failure: recorded,
                          trouble,
                          isReplacementLost,
                          place,
                          isCancelled,
                          isSlotRetired,
                          isSuspensionRecorded,
                        });
                        if (isPossible(each)) yield each;
                      }
}

/** A replacement that is over or stopped is trouble by itself, unless it was lost; see `troubleOf`. */
function isPossible({ replacement, trouble, isReplacementLost }: Facts): boolean {
  if (isReplacementLost) return !['none', 'leftover', 'stopping'].includes(replacement);
  return trouble !== undefined || (replacement !== 'gone' && replacement !== 'stopping');
}
