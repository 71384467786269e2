/** Draws what goes wrong in a simulated cluster. */
import { type Drawn, PAST_LEASES_MS, type Size } from './drawn.ts';
import type { Target } from './plan.ts';
import { between, integer, type Random } from './randomness.ts';

/** Most that one fault lasts, but for those that are to outlast a lease. */
const LONGEST_FAULT_MS = 5_000;
/** A clock that nobody sets, or in another time zone. */
const WRONG_CLOCK_MS = 3_600_000;

export function drawFault(random: Random, size: Size): Drawn {
  const target = drawTarget(random, size);
  const node = integer(random, 0, size.nodes - 1);
  const forMs = Math.round(between(random, 200, LONGEST_FAULT_MS));
  const lostForMs =
    random() < 0.5 ? forMs : Math.round(between(random, PAST_LEASES_MS.least, PAST_LEASES_MS.most));
  const share = between(random, 0.05, 0.5);
  switch (integer(random, 0, 20)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return {
        do: 'crash',
        target,
        steps: integer(random, 1, 40),
        // The servers are never away for long: deadlines are theirs to keep.
        forMs:
          target.what !== 'server' && random() < 0.3 ? lostForMs : Math.round(between(random, 100, 5_000)),
      };
    case 4:
      return { do: 'blackout', node, forMs: lostForMs };
    case 5:
    case 6:
    case 19:
      return { do: 'partition', target: linked(random, size), forMs: lostForMs };
    case 7:
      return { do: 'lostAnswers', target: linked(random, size), share, forMs };
    case 8: {
      const watch = {
        lagMs: random() < 0.5 ? 0 : between(random, 10, 3_000),
        breaks: random() < 0.5 ? 0 : share,
        expires: random() < 0.5 ? 0 : share,
        repeats: random() < 0.5,
      };
      return { do: 'badWatches', target: linked(random, size), watch, forMs };
    }
    case 9:
      return {
        do: 'badVolumes',
        slowestMs: between(random, 10, 4_000),
        failures: random() < 0.5 ? 0 : share,
        forMs,
      };
    case 10:
      return { do: 'badWorkloads', share, forMs };
    case 11:
      return { do: 'flap', forMs: Math.round(forMs / 2) };
    case 12:
    case 20: {
      // What a server writes of times is its own word.
      const mostMs = target.what !== 'server' && random() < 0.5 ? WRONG_CLOCK_MS : 1_400;
      const offsetMs = Math.round(between(random, -mostMs, mostMs));
      return { do: 'badClock', target, offsetMs, rate: between(random, 0.98, 1.02) };
    }
    case 13:
      return random() < 0.5
        ? { do: 'slowDisk', slowestMs: between(random, 5, 400), forMs }
        : { do: 'fullDisk', forMs: Math.round(forMs / 3) };
    case 15:
      return { do: 'lose', target: linked(random, size) };
    case 14:
      return { do: 'unknownCommits', share: share / 2, forMs };
    case 16:
      return { do: 'twoLeaders', forMs };
    default:
      return {
        do: 'stop',
        target,
        workloads: random() < 0.3,
        forMs: Math.round(between(random, 100, 5_000)),
      };
  }
}

function drawTarget(random: Random, size: Size): Target {
  return random() < 0.35 ? { what: 'server' } : linked(random, size);
}

/** One that talks to the server over the network. */
function linked(random: Random, { nodes, gateways, services }: Size): Target {
  const share = random();
  if (share < 0.25) return { what: 'host', service: integer(random, 0, services - 1) };
  return share < 0.75
    ? { what: 'agent', index: integer(random, 0, nodes - 1) }
    : { what: 'gateway', index: integer(random, 0, gateways - 1) };
}
