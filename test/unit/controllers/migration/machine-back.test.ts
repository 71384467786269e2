import { broken, check, recorded, stopFirst } from './deciding.ts';

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
