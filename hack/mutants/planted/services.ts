/** Bugs in what keeps a service's replicas placed. */
import type { Mutant } from '../mutant.ts';

export const services: readonly Mutant[] = [
  {
    name: 'service-without-backoff',
    file: 'controllers/service/facts.ts',
    what: 'a slot whose alloc failed gets the next one at once, again and again',
    find: 'if (latest && untilMs > nowMs) {',
    replace: 'if (latest && untilMs > nowMs && failures < 0) {',
  },
  {
    name: 'service-backoff-without-timer',
    file: 'controllers/service/controller.ts',
    what: 'nobody looks again when a slot has waited for long enough',
    find: 'const times = backingOff.map((each) => each.untilMs);',
    replace: 'const times = backingOff.slice(1).map((each) => each.untilMs);',
  },
  {
    name: 'service-fills-a-filled-slot',
    file: 'controllers/service/facts.ts',
    what: 'a slot whose alloc is not serving yet gets another one',
    find: 'if (entry?.active.length) continue;',
    replace: "if (entry?.active.some((alloc) => alloc.status.phase !== 'pending')) continue;",
  },
  {
    name: 'service-stops-the-wrong-slots',
    file: 'controllers/service/facts.ts',
    what: 'the slot beside the last one wanted is kept when a service is scaled down',
    find: 'const surplus = all.filter((slot) => slot.slot >= replicas).reverse();',
    replace: 'const surplus = all.filter((slot) => slot.slot > replicas).reverse();',
  },
  {
    name: 'service-released-early',
    file: 'controllers/service/machine.ts',
    what: 'a service is let go while its allocs still run',
    find: 'hasActiveAllocs: ({ context }) => context.active > 0,',
    replace: 'hasActiveAllocs: ({ context }) => context.surplus.length > 0,',
  },
  {
    name: 'two-allocs-in-a-slot',
    file: 'api/rules/alloc.ts',
    what: 'a slot takes any number of allocs',
    find: 'const blocking = others.find((other) => other.metadata.name !== next.spec.replaces) ?? others[1];',
    replace: 'const blocking = others[2];',
  },
  {
    name: 'terminal-alloc-lives-again',
    file: 'api/rules/alloc.ts',
    what: 'a late report brings an alloc back that was over',
    find: 'old && next && isTerminal(old) && !sameJson(old.status, next.status)',
    replace: 'old && next && isTerminal(old) && sameJson(old.status, {})',
  },
  {
    name: 'placed-on-a-draining-node',
    file: 'api/rules/placement.ts',
    what: 'an alloc is placed on a node that was cordoned since its place was chosen',
    find: 'if (why) return',
    replace: "if (why === 'is down') return",
  },
  {
    name: 'migration-budget-off-by-one',
    file: 'api/rules/migration.ts',
    what: "one more of a service's replicas may be on the move than its migration.maxParallel",
    find: 'return moving.length < maxParallel',
    replace: 'return moving.length <= maxParallel',
  },
];
