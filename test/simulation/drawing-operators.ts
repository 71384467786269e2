/** Draws what operators do to a simulated cluster. */
import { type Drawn, FIRST_STEP_MS, LAST_STEP_MS, type Size } from './drawn.ts';
import { between, integer, pick, type Random } from './randomness.ts';

export function drawOperator(random: Random, { nodes, services }: Size): Drawn[] {
  const node = integer(random, 0, nodes - 1);
  const service = integer(random, 0, services - 1);
  const atMs = Math.round(between(random, FIRST_STEP_MS, LAST_STEP_MS - 3_000));
  const laterMs = () => Math.round(atMs + between(random, 5, 3_000));
  const everyMs = integer(random, 800, 2_500);
  const drain = () =>
    ({ do: 'drain', nodes: drainedNodes(random, nodes, node), policy: drawPolicy(random) }) as const;
  switch (integer(random, 0, 12)) {
    case 0:
      return [
        { ...drain(), atMs },
        { do: 'undrain', node, atMs: laterMs() },
      ];
    case 1:
      return [
        { ...drain(), atMs },
        { do: 'undrain', node, atMs: laterMs() },
        { ...drain(), atMs: laterMs() },
      ];
    case 2:
    case 3: {
      const removal: Drawn[] = [
        { ...drain(), atMs },
        { do: 'remove', node, tries: integer(random, 1, 40), atMs: laterMs() },
      ];
      return random() < 0.5 ? removal : [...removal, { do: 'join', node, atMs: atMs + 5_000 }];
    }
    case 4:
      return [{ do: 'scale', service, replicas: integer(random, 0, 5) }];
    case 5:
      return [{ do: 'apply', service, version: integer(random, 2, 9) }];
    case 6:
      return [
        { do: 'delete', service, atMs },
        { do: 'recreate', service, atMs: laterMs() },
      ];
    case 7:
      return [
        { do: 'gitops', service, everyMs, forMs: 5_000, atMs },
        { do: 'scale', service, replicas: integer(random, 0, 5), atMs: laterMs() },
      ];
    case 10:
      return [
        { do: 'gitopsNode', node, spec: drawManifest(random), everyMs, forMs: 5_000, atMs },
        { ...drain(), atMs: laterMs() },
        ...(random() < 0.5 ? [{ do: 'undrain', node, atMs: laterMs() } as const] : []),
      ];
    case 11:
      return [
        { do: 'placeVolume', node, atMs },
        { ...drain(), atMs: laterMs() },
        ...(random() < 0.5 ? [{ do: 'deleteVolume', atMs: laterMs() } as const] : []),
      ];
    case 8:
      return [
        { do: 'task', name: `job-${integer(random, 0, 9_999)}` },
        { do: 'cordon', node, atMs },
        { do: 'uncordon', node, atMs: laterMs() },
      ];
    case 9:
      // At one and the same moment: what is placed for the one lands after the other.
      return [
        { ...drain(), atMs },
        { do: 'scale', service, replicas: integer(random, 3, 5), atMs },
      ];
    default:
      return [{ ...drain(), atMs }];
  }
}

const drawManifest = (random: Random) =>
  pick(random, [
    { drain: false },
    { drain: true },
    { unschedulable: true },
    { drain: false, unschedulable: false },
  ]);

const drainedNodes = (random: Random, nodes: number, first: number): number[] =>
  random() < 0.75
    ? [first]
    : [...new Set([first, integer(random, 0, nodes - 1), integer(random, 0, nodes - 1)])];

const drawPolicy = (random: Random): object => ({
  maxParallel: integer(random, 1, 3),
  ...(random() < 0.3
    ? { deadline: `${integer(random, 1, 15)}s`, onDeadline: pick(random, ['fail', 'force']) }
    : {}),
  taskGrace: pick(random, ['0s', '0s', '2s']),
});
