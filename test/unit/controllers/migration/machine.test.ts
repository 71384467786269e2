import { broken, check, recorded, stopFirst } from './deciding.ts';

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
