/** Who should lead what: pure, so that servers that see the same come to the same. */

/** How many roles each server leads. */
export type Counts = ReadonlyMap<string, number>;

/** @param leaders the server of each role; undefined: it is free */
export function countsOf(leaders: Iterable<string | undefined>): Counts {
  const counts = new Map<string, number>();
  for (const leader of leaders) if (leader !== undefined) counts.set(leader, (counts.get(leader) ?? 0) + 1);
  return counts;
}

/** Gives each of the roles to whoever leads the fewest by then. @returns role → server; empty where there is no server */
export function assign(
  roles: readonly string[],
  servers: readonly string[],
  counts: Counts,
): ReadonlyMap<string, string> {
  const load = new Map(servers.map((server) => [server, counts.get(server) ?? 0]));
  const assigned = new Map<string, string>();
  for (const role of roles) {
    const server = leastLoaded([...load.keys()], load);
    if (server === undefined) return assigned;
    load.set(server, (load.get(server) ?? 0) + 1);
    assigned.set(role, server);
  }
  return assigned;
}

/**
 * Whom a server gives a role to, so that they come to lead equally many: only where the other leads at least two
 * fewer, as moving a role to and fro would even nothing out.
 */
export function lighterServer(from: string, servers: readonly string[], counts: Counts): string | undefined {
  const to = leastLoaded(servers, counts);
  return to !== undefined && (counts.get(from) ?? 0) - (counts.get(to) ?? 0) >= 2 ? to : undefined;
}

/** Of several the first by name. */
const leastLoaded = (servers: readonly string[], counts: Counts): string | undefined =>
  [...servers].sort((a, b) => (counts.get(a) ?? 0) - (counts.get(b) ?? 0) || (a < b ? -1 : 1))[0];
