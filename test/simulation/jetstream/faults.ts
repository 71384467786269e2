/** What goes wrong between mill servers and NATS, and how it is mended again. */
import type { SimulatedProcess } from '../process.ts';
import { pick } from '../randomness.ts';
import type { Timeline } from '../timeline.ts';
import type { NatsConnection } from './connection.ts';
import { NatsWay } from './connection.ts';
import type { SimulatedNats } from './nats.ts';
import type { NatsFault } from './plan.ts';
import type { NatsServer } from './replicated-stream.ts';

/** What there is to be broken. */
export interface Breakable {
  readonly timeline: Timeline;
  readonly random: () => number;
  readonly nats: SimulatedNats;
  /** One for each mill server. */
  readonly ways: readonly NatsWay[];
  processOf(server: number): SimulatedProcess | undefined;
  connectionOf(server: number): NatsConnection | undefined;
}

/** Begins it, and ends it when its time is over. */
export function strikeNats(world: Breakable, fault: NatsFault): void {
  const mend = begin(world, fault);
  if (mend) world.timeline.after(fault.forMs, mend);
}

/** The end of all of it. */
export function mendNats(world: Breakable): void {
  const { nats, ways } = world;
  nats.mend(nats.servers);
  for (const [server, way] of ways.entries()) {
    Object.assign(way, new NatsWay());
    world.processOf(server)?.resume();
  }
}

function begin(world: Breakable, fault: NatsFault): (() => void) | undefined {
  const { nats, ways } = world;
  switch (fault.do) {
    case 'killNats': {
      const servers = fault.which === 'all' ? nats.servers : chosen(world, fault.which);
      nats.kill(servers);
      return () => nats.mend(servers);
    }
    case 'stopNats': {
      const servers = chosen(world, fault.which);
      for (const server of servers) nats.pause(server);
      return () => nats.mend(servers.filter(({ isPaused }) => isPaused));
    }
    case 'badWays':
      for (const way of ways) Object.assign(way, fault.way);
      return () => {
        const { latencyMs, lostAnswers, late } = new NatsWay();
        for (const way of ways) Object.assign(way, { latencyMs, lostAnswers, late });
      };
    case 'cutOff':
      return cutOff(world, fault.server);
    case 'badTail': {
      const way = ways[fault.server];
      if (way) way.tail = fault.tail;
      return () => void (way && Object.assign(way, { tail: new NatsWay().tail }));
    }
    case 'stopServer': {
      const process = world.processOf(fault.server);
      process?.pause();
      return () => process?.resume();
    }
  }
}

function cutOff(world: Breakable, server: number): (() => void) | undefined {
  const way = world.ways[server];
  if (!way) return undefined;
  way.isCut = true;
  world.connectionOf(server)?.look();
  return () => {
    way.isCut = false;
  };
}

function chosen({ nats, random }: Breakable, which: 'leader' | 'any'): readonly NatsServer[] {
  const { leader } = nats.objects;
  return which === 'leader' && leader ? [leader] : [pick(random, nats.servers)];
}
