/** What the endpoints controller judges by: who should be routed, what is written, and which gateways have applied it. */

import { durationMs } from '../../api/duration.ts';
import { type Alloc, isTerminal, wantedRoute } from '../../api/kinds/alloc.ts';
import type { Endpoints, EndpointsSpec } from '../../api/kinds/endpoints.ts';
import type { Lease } from '../../api/kinds/lease.ts';
import type { Service } from '../../api/kinds/service.ts';
import { sameJson } from '../../api/same-json.ts';
import type { Reader } from '../../api/store.ts';
import type { LeaseTimes } from '../../runtime/lease-sight.ts';

export type Route = 'routed' | 'unrouted';

export interface Acknowledgement {
  readonly alloc: string;
  readonly route: Route;
}

/** An alloc as it was judged: whoever changed it since is not overruled. */
export interface Outdated {
  readonly alloc: string;
  readonly resourceVersion: string;
}

export interface Facts {
  readonly wanted: EndpointsSpec;
  readonly exists: boolean;
  /** The object says what is wanted. */
  readonly isWritten: boolean;
  /** Allocs that are to be written in or out while their status has an acknowledgement from an earlier time. */
  readonly outdated: readonly Outdated[];
  /** What every live gateway has applied, and the allocs do not say yet. */
  readonly acknowledged: readonly Acknowledgement[];
  /** Allocs that wait for a gateway. */
  readonly waiting: readonly string[];
  /** The gateways that are waited for. */
  readonly gateways: readonly string[];
  /** When the wait can end by time alone, in ms since the epoch. */
  readonly waitsUntilMs?: number;
}

/** @param acknowledgeFromMs before it nothing is acknowledged: see the controller's options */
export function endpointsFacts(
  service: Service,
  reader: Reader,
  leases: LeaseTimes,
  nowMs: number,
  acknowledgeFromMs: number,
): Facts {
  const allocs = reader.byIndex('Alloc', 'owner', service.metadata.uid);
  const routable = allocs.filter((alloc) => wantedRoute(alloc) === 'routed');
  const wanted = endpointsOf(service, routable);
  const written = reader.get('Endpoints', service.metadata.name);
  const isWritten = written !== undefined && sameJson(written.spec, wanted);
  const pending = allocs.filter((alloc) => isPending(alloc));
  const routes = {
    wanted,
    exists: written !== undefined,
    isWritten,
    outdated: outdated(allocs, wanted, written),
  };
  if (!isWritten) {
    return { ...routes, acknowledged: [], waiting: pending.map(nameOf), gateways: [] };
  }
  const gateways = reader.byIndex('Lease', 'holder', 'gateway');
  const live = gateways.filter((lease) => leases.expiryMs(lease) > nowMs);
  return { ...routes, ...acknowledgements(pending, written, live, leases, nowMs, acknowledgeFromMs) };
}

function acknowledgements(
  pending: readonly Alloc[],
  written: Endpoints,
  live: readonly Lease[],
  leases: LeaseTimes,
  nowMs: number,
  acknowledgeFromMs: number,
) {
  const acknowledged: Acknowledgement[] = [];
  const waiting: string[] = [];
  const blocking = new Set<Lease>();
  for (const alloc of pending) {
    const name = nameOf(alloc);
    const route = wantedRoute(alloc);
    const lagging = live.filter((lease) =>
      isLagging(lease, written, route === 'unrouted' ? name : undefined),
    );
    for (const lease of lagging) blocking.add(lease);
    if (route && lagging.length === 0 && nowMs >= acknowledgeFromMs)
      acknowledged.push({ alloc: name, route });
    else waiting.push(name);
  }
  const times = [...blocking].map((lease) => leases.expiryMs(lease));
  if (waiting.length > 0 && nowMs < acknowledgeFromMs) times.push(acknowledgeFromMs);
  const gateways = [...blocking].map(({ metadata }) => metadata.name).sort();
  return times.length === 0
    ? { acknowledged, waiting, gateways }
    : { acknowledged, waiting, gateways, waitsUntilMs: Math.min(...times) };
}

/** @param leaving an alloc that must have nothing in flight at the gateway any more */
const isLagging = ({ spec }: Lease, written: Endpoints, leaving: string | undefined): boolean =>
  spec.appliedRevision < Number(written.metadata.resourceVersion) ||
  (leaving !== undefined && spec.draining.includes(leaving));

/**
 * An acknowledgement holds for one stay in, or out of, the Endpoints. One that is left over from an earlier stay
 * would look like the next one's: an alloc routed again and stopped at once would pass for unrouted already.
 * Leaving for good needs no such care: `unrouted` is what is waited for then, and `routed` is not that.
 */
function outdated(
  allocs: readonly Alloc[],
  wanted: EndpointsSpec,
  written: Endpoints | undefined,
): readonly Outdated[] {
  const before = new Set(written?.spec.allocs);
  const after = new Set(wanted.allocs);
  const crossing = allocs.filter(({ metadata: { name }, spec, status }) => {
    const crosses = before.has(name) !== after.has(name);
    return crosses && status.route !== undefined && spec.desired === 'running';
  });
  return crossing
    .filter((alloc) => !isTerminal(alloc))
    .map(({ metadata: { name, resourceVersion } }) => ({ alloc: name, resourceVersion }));
}

function endpointsOf(service: Service, routable: readonly Alloc[]): EndpointsSpec {
  return {
    service: service.metadata.name,
    drainTimeoutMs: durationMs(service.spec.template.stopGrace),
    ports: service.spec.ports.flatMap(({ name, gatewayPort, protocol }) =>
      gatewayPort === undefined
        ? []
        : [{ name, gatewayPort, protocol, backends: routable.flatMap((alloc) => backendOf(alloc, name)) }],
    ),
    allocs: routable.map(nameOf),
  };
}

/** Nothing for an alloc that was placed before its service had this port. */
function backendOf({ metadata, status }: Alloc, portName: string) {
  const port = status.ports?.find(({ name }) => name === portName)?.port;
  return port === undefined || status.address === undefined
    ? []
    : [{ alloc: metadata.name, host: status.address, port }];
}

const nameOf = (alloc: Alloc): string => alloc.metadata.name;

/** True where its wanted route is not acknowledged yet. */
const isPending = (alloc: Alloc): boolean => {
  const route = wantedRoute(alloc);
  return route !== undefined && route !== alloc.status.route;
};
