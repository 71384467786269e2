/** Breaks one thing after the other, drawn from a seed, and mends each again. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Nats, NatsPath } from '../../hack/nats/servers.ts';
import { between, integer, pick, type Random } from '../simulation/randomness.ts';
import { nowMs } from './history.ts';
import type { Server } from './server.ts';

/** How long something stays broken, and how long everything is well before the next. */
const BROKEN_MS = [500, 4_000] as const;
const WELL_MS = [300, 3_000] as const;

export const FAULTS = [
  'kill the leader',
  'kill a NATS server',
  'pause the leader',
  'pause a NATS server',
  'cut a NATS server off',
  'kill a server',
  'pause a server',
  'cut a server off',
  'cut the power',
] as const;
export type Fault = (typeof FAULTS)[number];

/** What there is to break. */
export interface Targets {
  readonly nats: Nats;
  readonly stream: string;
  readonly servers: readonly Server[];
  /** Each server's way to NATS. */
  readonly paths: readonly NatsPath[];
}

export interface Happening {
  readonly ms: number;
  readonly what: string;
}

type Mend = () => void | Promise<void>;

/** Until the signal; everything is mended when it resolves. @returns what was done, for who reads the history */
export async function rage(
  targets: Targets,
  faults: readonly Fault[],
  random: Random,
  signal: AbortSignal,
): Promise<readonly Happening[]> {
  const happenings: Happening[] = [];
  while (!signal.aborted) {
    await wait(between(random, ...WELL_MS), signal);
    if (signal.aborted) break;
    const fault = pick(random, faults);
    const target = integer(random, 0, 1_000);
    const { name, mend } = await strike(fault, target, targets);
    happenings.push({ ms: nowMs(), what: `${fault}: ${name}` });
    await wait(between(random, ...BROKEN_MS), signal);
    await mend();
    happenings.push({ ms: nowMs(), what: `${fault}: ${name}: mended` });
  }
  return happenings;
}

async function strike(
  fault: Fault,
  target: number,
  { nats, stream, servers, paths }: Targets,
): Promise<{ readonly name: string; readonly mend: Mend }> {
  const server = servers[target % servers.length];
  const path = paths[target % paths.length];
  if (!server || !path) throw new Error('there is nothing to break');
  const index = fault.includes('the leader') ? await leaderOf(nats, stream) : target % nats.servers.length;
  const natsServer = nats.server(index);
  switch (fault) {
    case 'kill the leader':
    case 'kill a NATS server':
      await natsServer.kill();
      return { name: natsServer.name, mend: () => natsServer.start() };
    case 'pause the leader':
    case 'pause a NATS server':
      natsServer.pause();
      return { name: natsServer.name, mend: () => natsServer.resume() };
    case 'cut a NATS server off':
      nats.cut(index);
      return { name: natsServer.name, mend: () => nats.mend(index) };
    case 'kill a server':
      await server.kill();
      return { name: server.id, mend: () => server.start() };
    case 'pause a server':
      server.pause();
      return { name: server.id, mend: () => server.resume() };
    case 'cut a server off':
      path.cut();
      return { name: server.id, mend: () => path.mend() };
    case 'cut the power':
      await Promise.all([...servers, ...nats.servers].map((each) => each.kill()));
      return { name: 'everything', mend: () => turnOn(nats, servers) };
  }
}

async function turnOn(nats: Nats, servers: readonly Server[]): Promise<void> {
  await Promise.all(nats.servers.map((each) => each.start()));
  for (const server of servers) server.start();
}

/** Any, where there is none at this moment. */
async function leaderOf(nats: Nats, stream: string): Promise<number> {
  const leader = nats.servers.length === 1 ? nats.server(0) : await nats.leader(stream);
  return nats.servers.indexOf(leader);
}

async function wait(ms: number, signal: AbortSignal): Promise<void> {
  await pause(ms, undefined, { signal }).catch(() => {}); // woken early at the end
}
