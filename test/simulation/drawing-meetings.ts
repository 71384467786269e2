/** Draws what goes wrong together, and would meet too rarely by chance. */
import { type Drawn, FIRST_STEP_MS, LAST_STEP_MS, PAST_LEASES_MS, type Size } from './drawn.ts';
import type { Target } from './plan.ts';
import { between, integer, type Random } from './randomness.ts';

const WHOLE_LAG_MS = { least: 500, most: 3_000 };

const drawLag = (random: Random, target: Target, atMs: number, forMs: number): Drawn => {
  const lagMs = between(random, WHOLE_LAG_MS.least, WHOLE_LAG_MS.most);
  return { do: 'badWatches', target, watch: { lagMs, breaks: 0, expires: 0, repeats: false }, forMs, atMs };
};

/** A machine is given up, comes back, and hears late that others have taken over what it had. */
export function drawReturn(random: Random, { services }: Size): Drawn[] {
  // Those with a volume are the last.
  const service = random() < 0.5 ? services - 1 : integer(random, 0, services - 1);
  const target = { what: 'host', service } as const;
  const atMs = Math.round(between(random, FIRST_STEP_MS, LAST_STEP_MS));
  const forMs = Math.round(between(random, PAST_LEASES_MS.least, PAST_LEASES_MS.most));
  return [{ do: 'partition', target, forMs, atMs }, drawLag(random, target, atMs, forMs + WHOLE_LAG_MS.most)];
}

/** NATS loses all leases while a node is drained, and a gateway is behind with its routes. */
export function drawLostLeases(random: Random, { nodes, gateways }: Size): Drawn[] {
  const atMs = Math.round(between(random, FIRST_STEP_MS, LAST_STEP_MS));
  const forMs = 6_000;
  return [
    drawLag(random, { what: 'gateway', index: integer(random, 0, gateways - 1) }, atMs, forMs),
    { do: 'drain', nodes: [integer(random, 0, nodes - 1)], policy: {}, atMs },
    {
      do: 'killNats',
      which: 'all',
      forMs: Math.round(between(random, 100, 1_000)),
      atMs: atMs + Math.round(between(random, 300, 2_500)),
    },
  ];
}
