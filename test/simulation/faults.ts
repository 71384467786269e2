/** What goes wrong in a simulated cluster, and how it is mended again. */
import type { SimulatedAgent } from './agents.ts';
import type { Cluster } from './cluster.ts';
import type { SimulatedGateway } from './gateways.ts';
import type { Link } from './link.ts';
import type { Step, Target } from './plan.ts';
import type { ClockError } from './process.ts';

const RIGHT_WATCH = { lagMs: 0, breaks: 0, expires: 0, repeats: false };
const RIGHT_CLOUD = { slowestMs: 10, failures: 0 };
const RIGHT_DISK = { slowestMs: 1 };
/** No write to a disk takes longer. */
const SLOWEST_WRITE_MS = 1_000;
const RIGHT_CLUSTER = { badWorkloads: 0, unknownCommits: 0 };

/** Begins what the step says, and ends it when its time is over. Nothing for a step of an operator. */
export function strike(cluster: Cluster, step: Step): void {
  const mend = begin(cluster, step);
  if (mend && 'forMs' in step) cluster.timeline.after(step.forMs, mend);
}

/** The end of all faults: whatever is down comes up, and nothing stands in its way. */
export function mendEverything(cluster: Cluster): void {
  const { disk, cloud } = cluster;
  Object.assign(cluster, RIGHT_CLUSTER);
  Object.assign(disk, RIGHT_DISK, { isFull: false });
  Object.assign(cloud, RIGHT_CLOUD);
  cluster.secondControlPlane?.kill();
  restartWhereWritesFailed(cluster);
  // A write that met the full disk may fail a moment later.
  cluster.timeline.after(SLOWEST_WRITE_MS, () => restartWhereWritesFailed(cluster));
  cluster.fleet?.mend();
  for (const { link } of [...cluster.agents, ...cluster.gateways]) {
    Object.assign(link, { lostAnswers: 0, watch: RIGHT_WATCH });
    link.heal(cluster.timeline.nowMs);
  }
  for (const agent of cluster.agents) {
    agent.machine.isUp = !agent.isLost;
    if (!agent.hasLeft && !agent.isLost) cluster.startAgent(agent);
  }
  for (const gateway of cluster.gateways) cluster.startGateway(gateway);
}

function restartWhereWritesFailed(cluster: Cluster): void {
  if (cluster.embedded?.engine.failure) cluster.crashServer();
  cluster.startServers();
}

/** @returns what ends it, where it does not end by itself */
function begin(cluster: Cluster, step: Step): (() => void) | undefined {
  switch (step.do) {
    case 'partition':
    case 'lostAnswers':
    case 'badWatches': {
      const link = victimOf(cluster, step.target)?.link;
      return link && disturb(cluster, link, step);
    }
    case 'crash':
      crash(cluster, step.target, step.steps, step.forMs);
      return undefined;
    case 'stop':
      stop(cluster, step);
      return undefined;
    case 'blackout':
      return blackOut(cluster, step.node);
    case 'lose':
      lose(cluster, step.target);
      return undefined;
    case 'badVolumes':
      return change(cluster.cloud, { slowestMs: step.slowestMs, failures: step.failures }, RIGHT_CLOUD);
    case 'badWorkloads':
      return change(cluster, { badWorkloads: step.share }, RIGHT_CLUSTER);
    case 'unknownCommits':
      return change(cluster, { unknownCommits: step.share }, RIGHT_CLUSTER);
    case 'slowDisk':
      return change(cluster.disk, { slowestMs: step.slowestMs }, RIGHT_DISK);
    case 'fullDisk':
      return fillDisk(cluster);
    case 'flap':
      flap(cluster, step.forMs);
      return undefined;
    case 'badClock':
      Object.assign(timeOf(cluster, step.target) ?? {}, { offsetMs: step.offsetMs, rate: step.rate });
      return undefined;
    case 'twoLeaders':
      cluster.startSecondControlPlane();
      return () => cluster.secondControlPlane?.kill();
    case 'killNats':
    case 'stopNats':
    case 'badWays':
    case 'cutOff':
    case 'badTail':
    case 'stopServer':
      cluster.fleet?.strike(step);
      return undefined;
    default:
      return undefined;
  }
}

function change<T extends object>(thing: T, wrong: Partial<T>, right: Partial<T>): () => void {
  Object.assign(thing, wrong);
  return () => void Object.assign(thing, right);
}

function disturb(
  { timeline }: Cluster,
  link: Link,
  step: Extract<Step, { do: 'partition' | 'lostAnswers' | 'badWatches' }>,
) {
  switch (step.do) {
    case 'partition':
      link.cut();
      return () => link.heal(timeline.nowMs);
    case 'lostAnswers':
      return change(link, { lostAnswers: step.share }, { lostAnswers: 0 });
    case 'badWatches':
      return change(link, { watch: step.watch }, { watch: RIGHT_WATCH });
  }
}

/** The process dies between two of the steps that it takes from now on. */
function crash(cluster: Cluster, target: Target, steps: number, downMs: number): void {
  const { timeline, chronicle } = cluster;
  if (target.what === 'server') {
    cluster.fleet?.crash(target.index ?? 0, steps, downMs);
    cluster.embedded?.process.crashAfter(steps, () => {
      cluster.crashServer();
      timeline.after(downMs, () => cluster.startServer());
    });
    return;
  }
  const victim = victimOf(cluster, target);
  victim?.process?.crashAfter(steps, () => {
    chronicle.note('plan', `${victim.process?.name} dies`);
    victim.crash();
    timeline.after(downMs, () => restart(cluster, victim));
  });
}

/** The process is told to end, and started again later: a new version of mill, a machine that is booted. */
function stop(cluster: Cluster, { target, workloads, forMs }: Extract<Step, { do: 'stop' }>): void {
  const { timeline, chronicle } = cluster;
  if (target.what === 'server') {
    cluster.fleet?.stop(target.index ?? 0, forMs);
    if (!cluster.fleet)
      void cluster.stopServer().then(() => timeline.after(forMs, () => cluster.startServer()));
    return;
  }
  const victim = victimOf(cluster, target);
  if (!victim?.process?.isAlive) return;
  const { name } = victim.process;
  chronicle.note('plan', `${name} is told to end`);
  void victim.stop(workloads).then(() => {
    chronicle.note('plan', `${name} has ended`);
    timeline.after(forMs, () => restart(cluster, victim));
  });
}

function restart(cluster: Cluster, victim: SimulatedAgent | SimulatedGateway): void {
  if (!('machine' in victim)) cluster.startGateway(victim);
  else if (!victim.hasLeft) cluster.startAgent(victim);
}

/** The machine loses its power, and has it again later. */
function blackOut(cluster: Cluster, index: number): (() => void) | undefined {
  const agent = cluster.agents[index];
  if (!agent) return undefined;
  agent.crash();
  agent.machine.die();
  return () => {
    agent.machine.isUp = !agent.isLost;
    restart(cluster, agent);
  };
}

/** The machine breaks, or the gateway is taken away without a word. */
function lose(cluster: Cluster, target: Target): void {
  const victim = victimOf(cluster, target);
  // Somebody has to be left.
  if (!victim || [...cluster.agents, ...cluster.gateways].some(({ isLost }) => isLost)) return;
  victim.isLost = true;
  victim.crash();
  if ('machine' in victim) victim.machine.die();
}

/** The store refuses to write once it could not, so whoever finds the disk full makes room and starts the server again. */
function fillDisk(cluster: Cluster): () => void {
  const { disk, timeline } = cluster;
  disk.isFull = true;
  return () => {
    disk.isFull = false;
    if (!cluster.embedded?.engine.failure) return;
    cluster.crashServer();
    timeline.after(100, () => cluster.startServer());
  };
}

/** The oldest workload of each machine fails its health checks for a while. */
function flap({ machines, timeline }: Cluster, forMs: number): void {
  for (const machine of machines.values()) {
    for (const process of machine.running().slice(0, 1)) process.unhealthyUntilMs = timeline.nowMs + forMs;
  }
}

function victimOf(
  { agents, gateways, services }: Cluster,
  target: Target,
): SimulatedAgent | SimulatedGateway | undefined {
  switch (target.what) {
    case 'server':
      return undefined;
    case 'agent':
      return agents[target.index];
    case 'gateway':
      return gateways[target.index];
    case 'host': {
      const start = `${services[target.service]?.name}-`;
      return agents.find(({ machine }) => machine.running().some(({ alloc }) => alloc.startsWith(start)));
    }
  }
}

function timeOf(cluster: Cluster, target: Target): ClockError | undefined {
  if (target.what === 'server') return cluster.serverTime;
  const victim = victimOf(cluster, target);
  return victim && 'machine' in victim ? victim.machine.time : victim?.time;
}
