/** Bugs in how one alloc leaves its node, and in its way back. */
import type { Mutant } from '../mutant.ts';

export const migrations: readonly Mutant[] = [
  {
    name: 'migration-ignores-min-healthy',
    file: 'controllers/migration/roles.ts',
    what: 'a replacement counts as proven the moment it is healthy',
    find: "if (provenAtMs === undefined || nowMs < provenAtMs) return 'healthy';",
    replace: "if (provenAtMs === undefined) return 'healthy';",
  },
  {
    name: 'migration-route-not-awaited',
    file: 'controllers/migration/roles.ts',
    what: "a replacement counts as routed before the gateways' acknowledgement",
    find: "return route === 'routed' ? 'routed' : 'proven';",
    replace: "return route === 'unrouted' ? 'proven' : 'routed';",
  },
  {
    name: 'migration-ignores-deadline',
    file: 'controllers/migration/facts.ts',
    what: 'a replacement that does not get healthy is waited for, for ever',
    find: 'isDeadlineOver: deadlineMs !== undefined && nowMs >= deadlineMs,',
    replace: 'isDeadlineOver: deadlineMs !== undefined && nowMs < 0,',
  },
  {
    name: 'migration-without-timer',
    file: 'controllers/migration/controller.ts',
    what: 'nobody looks again when minHealthy or the deadline is over',
    find: 'wakeAt: (facts) => facts.changesAtMs,',
    replace: 'wakeAt: () => undefined,',
  },
  {
    name: 'migration-failure-unrecorded',
    file: 'controllers/migration/machine.ts',
    what: 'the way back begins before it is on record why',
    find: "{ guard: 'isInTrouble', target: 'turningBack' },",
    replace: "{ guard: 'isInTrouble', target: 'stoppingReplacement' },",
  },
  {
    name: 'migration-suspends-unrecorded',
    file: 'controllers/migration/machine.ts',
    what: 'the volume moves on although nothing says since when the original does not serve',
    find: "{ guard: and(['isOriginalSuspended', 'isSuspensionRecorded']), target: 'movingVolume' },",
    replace: "{ guard: not('isOriginalWantedRunning'), target: 'movingVolume' },",
  },
  {
    name: 'migration-keeps-volume-away',
    file: 'controllers/migration/machine.ts',
    what: 'on the way back the original is resumed without its volume',
    find: "{ guard: or(['isOriginalWantedRunning', 'areVolumesAtOrigin']), target: 'resumingOriginal' },",
    replace: "{ target: 'resumingOriginal' },",
  },
  {
    name: 'migration-leaves-original-suspended',
    file: 'controllers/migration/guards.ts',
    what: 'a migration that was turned back ends while its original is still suspended',
    find: "context.original === 'serving' ||\n    (context.original === 'running'",
    replace:
      "context.original === 'serving' || context.original === 'suspended' ||\n    (context.original === 'running'",
  },
  {
    name: 'migration-ignores-cancel',
    file: 'controllers/migration/guards.ts',
    what: 'a migration that is cancelled goes on',
    find: 'isCancelled: ({ context }: Input) => context.isCancelled,',
    replace: 'isCancelled: () => false,',
  },
  {
    name: 'migration-loses-its-replacement',
    file: 'controllers/migration/roles.ts',
    what: 'a replacement that was created and is not recorded yet is not found again',
    find: "reader.byIndex('Alloc', 'replaces', migration.spec.alloc);",
    replace: "reader.byIndex('Alloc', 'replaces', migration.spec.alloc).slice(1);",
  },
  {
    name: 'migration-fails-of-a-loss',
    file: 'controllers/migration/facts.ts',
    what: 'a replacement that was lost with its machine fails the migration',
    find: 'mayStartOver(status) && isLostReplacement(found, reader);',
    replace: 'false && isLostReplacement(found, reader);',
  },
  {
    name: 'migration-counts-no-loss',
    file: 'controllers/migration/facts.ts',
    what: 'replacements that are lost are followed by others without an end',
    find: 'lost.length < MAX_LOST_REPLACEMENTS;',
    replace: 'lost.length < Number.MAX_SAFE_INTEGER;',
  },
  {
    name: 'migration-forgets-a-loss',
    file: 'controllers/migration/roles.ts',
    what: 'the replacement whose loss is recorded is taken for the present one again',
    find: 'all.filter((each) => !lost.includes(each.metadata.name));',
    replace: 'all.filter((each) => lost.length < 0 || each.metadata.name !== undefined);',
  },
  {
    name: 'migration-of-a-retired-slot',
    file: 'controllers/migration/machine.ts',
    what: 'the replacement of an alloc whose slot was scaled away is left running',
    find: "{ guard: 'isSlotRetired', target: 'retiringSlot' },",
    replace: "{ guard: 'isSlotEmpty', target: 'retiringSlot' },",
  },
];
