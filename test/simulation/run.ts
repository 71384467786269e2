/** Runs a cluster through its plan, then waits until it has come to rest. */
import { Cluster } from './cluster.ts';
import { drawPlan } from './drawing.ts';
import { mendEverything, strike } from './faults.ts';
import { Operators } from './operators.ts';
import type { EngineName, Plan } from './plan.ts';
import { whyNotAtRest } from './rest.ts';
import type { Violation } from './witness.ts';

/** From the last fault on; a drain, its deadlines and the longest backoffs fit in it. Virtual milliseconds. */
const REST_WITHIN_MS = 150_000;
/** At rest it stays so for this long, and nothing is written: longer than heartbeats and health checks are apart. */
const REST_LASTS_MS = 2_000;
const LOOK_EVERY_MS = 250;
/** Lines of the history that a failure shows. */
const STORY_LINES = 80;

export interface Result {
  readonly seed: number;
  readonly violation: Violation | undefined;
  /** What was done, and the last that happened. */
  readonly story: readonly string[];
  /** Of everything that happened. */
  readonly hash: string;
  /** Timers and messages. */
  readonly events: number;
  readonly lines: number;
  readonly virtualMs: number;
}

/** The same plan gives the same result, to the last byte. */
export async function simulate(plan: Plan): Promise<Result> {
  const cluster = new Cluster(plan);
  const { timeline, witness, chronicle } = cluster;
  const isOver = () => {
    witness.look();
    return witness.violation !== undefined;
  };
  const operators = new Operators(cluster, plan);
  cluster.startServers();
  for (const gateway of cluster.gateways) cluster.startGateway(gateway);
  let isBusy = 1;
  const done = () => {
    isBusy -= 1;
  };
  void operators.setUp().then(done);
  for (const step of plan.steps) {
    timeline.after(step.atMs, () => {
      chronicle.note('plan', JSON.stringify({ ...step, atMs: undefined }));
      strike(cluster, step);
      isBusy += 1;
      void operators.carryOut(step).then(done);
    });
  }
  if (await timeline.runUntil(endOf(plan), isOver)) {
    mendEverything(cluster);
    chronicle.note('plan', 'everything is mended');
    await comeToRest(cluster, () => isBusy === 0, isOver);
  }
  return {
    seed: plan.seed,
    violation: witness.violation,
    story: witness.violation ? chronicle.story(STORY_LINES) : [],
    hash: chronicle.hash(),
    events: timeline.fired,
    lines: chronicle.length,
    virtualMs: timeline.elapsedMs,
  };
}

/** @param engine absent: drawn as well */
export const simulateSeed = (seed: number, engine?: EngineName): Promise<Result> =>
  simulate(drawPlan(seed, engine));

const endOf = ({ steps }: Plan): number =>
  Math.max(3_000, ...steps.map((step) => step.atMs + ('forMs' in step ? step.forMs : 0)));

async function comeToRest(cluster: Cluster, isIdle: () => boolean, isOver: () => boolean): Promise<void> {
  const { timeline, witness } = cluster;
  const untilMs = timeline.elapsedMs + REST_WITHIN_MS;
  let restsSinceMs: number | undefined;
  let commits = 0;
  let why: string | undefined = 'nobody has looked yet';
  while (timeline.elapsedMs < untilMs) {
    if (!(await timeline.runUntil(timeline.elapsedMs + LOOK_EVERY_MS, isOver))) return;
    why = isIdle() ? whyNotAtRest(cluster) : 'operators are at work';
    if (why !== undefined || witness.commits !== commits) restsSinceMs = undefined;
    else restsSinceMs ??= timeline.elapsedMs;
    commits = witness.commits;
    if (restsSinceMs !== undefined && timeline.elapsedMs - restsSinceMs >= REST_LASTS_MS) return;
  }
  witness.violated('rest', `${REST_WITHIN_MS / 1_000} s after the last fault ${why ?? 'it still writes'}`);
}
