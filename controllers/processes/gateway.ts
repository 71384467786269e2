/** A gateway: follows the Endpoints, routes by them, and says at once how far it has come. */
import type { Client } from '../../api/client/client.ts';
import type { Clock } from '../../api/clock.ts';
import type { Endpoints } from '../../api/kinds/endpoints.ts';
import type { Log } from '../../api/log.ts';
import { gatewayLeaseName } from '../../api/server/authz.ts';
import { Gateway, type GatewayProblem } from '../../runtime/gateway/gateway.ts';
import { createInformer } from '../../runtime/informer.ts';
import { createLeaseKeeper } from '../../runtime/lease.ts';

/** A gateway that died is waited for so long: until then it might still send requests to what is to be stopped. */
const LEASE_DURATION_MS = 6_000;
/** Four renewals may be lost. */
const RENEW_EVERY_MS = 1_200;
/** An election of NATS takes 4 to 8 s; for longer nobody is to be without a route that is known. */
const CERTAIN_FOR_MS = 10_000;

export interface GatewayProcessOptions {
  /** Unique among the gateways; of one that runs beside an agent, the node's. */
  readonly name: string;
  readonly client: Client;
  readonly clock: Clock;
  /** 0 ≤ n < 1. */
  readonly random: () => number;
  readonly log: Log;
  /** Address to listen on. */
  readonly host: string;
  /** How long a request waits while its service has no backend, in milliseconds. */
  readonly holdMs?: number;
  /** What carries the traffic; default: a `Gateway` that listens on `host`. */
  readonly dataPlane?: DataPlane;
}

export type DataPlane = Pick<
  Gateway,
  'apply' | 'remove' | 'draining' | 'onDrained' | 'listening' | 'problems' | 'metrics' | 'close'
> &
  Partial<Pick<Gateway, 'onProblems'>>;

export interface GatewayProcess {
  /** Resolves when it serves every port that it can have, and is one of those whose word is waited for. */
  readonly ready: Promise<void>;
  /** The ports that are wanted and not served. */
  problems(): readonly GatewayProblem[];
  /** What each service has served. */
  metrics(): ReturnType<Gateway['metrics']>;
  /** Lets what is in flight finish, then resolves. */
  close(): Promise<void>;
}

export function startGateway(options: GatewayProcessOptions): GatewayProcess {
  const { name, client, clock, random, host, holdMs } = options;
  const log = options.log.child({ gateway: name });
  const gateway =
    options.dataPlane ?? new Gateway({ host, clock, log, ...(holdMs === undefined ? {} : { holdMs }) });
  const lease = createLeaseKeeper({
    client,
    clock,
    log,
    name: gatewayLeaseName(name),
    holder: 'gateway',
    durationMs: LEASE_DURATION_MS,
    renewEveryMs: RENEW_EVERY_MS,
    session: `${name}-${Math.floor(random() * 2 ** 32).toString(36)}`.slice(-64),
  });
  // It sends nothing to anybody before its word is waited for: what it lists is as new as its lease.
  const informer = createInformer({
    client,
    clock,
    log,
    random,
    watches: [{ kind: 'Endpoints' }],
    after: lease.held,
    certainForMs: CERTAIN_FOR_MS,
  });
  // Its routes are applied in the turn in which a change is heard, so it has applied what the informer shows.
  informer.subscribe({ kinds: ['Endpoints'] }, ({ type, object }) => {
    if (object.kind !== 'Endpoints') return;
    if (type === 'deleted') gateway.remove(object.spec.service);
    else gateway.apply(routesOf(object));
  });
  let isClosing = false;
  const report = () => {
    // One that is closing sends nothing new to anybody: whatever is still to come, it has applied it.
    const appliedRevision = isClosing ? Number.MAX_SAFE_INTEGER : informer.revisionOf('Endpoints');
    const problems = gateway.problems().map(({ service, message }) => ({ service, message }));
    lease.report({ appliedRevision, draining: gateway.draining(), problems });
  };
  informer.onRevision(report);
  gateway.onDrained(report);
  gateway.onProblems?.(report);

  return {
    ready: Promise.all([lease.held, informer.synced.then(() => gateway.listening())]).then(() => {}),
    problems: () => gateway.problems(),
    metrics: () => gateway.metrics(),
    async close() {
      informer.close();
      const closed = gateway.close();
      isClosing = true;
      report();
      await closed;
      // Only now: until its last request has ended, its word is to be waited for.
      await lease.close({ release: true });
    },
  };
}

const routesOf = ({ spec }: Endpoints) => ({
  service: spec.service,
  ports: spec.ports,
  drainTimeoutMs: spec.drainTimeoutMs,
});
