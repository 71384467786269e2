/** Bugs in who gets requests, and in when that counts as known to every gateway. */
import type { Mutant } from '../mutant.ts';

export const routing: readonly Mutant[] = [
  {
    name: 'route-acknowledged-unapplied',
    file: 'controllers/endpoints/facts.ts',
    what: 'a route counts as acknowledged whatever revision the gateways have applied',
    find: 'spec.appliedRevision < Number(written.metadata.resourceVersion) ||',
    replace: 'Number(written.metadata.resourceVersion) < 0 ||',
  },
  {
    name: 'route-ignores-draining',
    file: 'controllers/endpoints/facts.ts',
    what: 'an alloc counts as unrouted while a gateway still has requests in flight to it',
    find: '(leaving !== undefined && spec.draining.includes(leaving))',
    replace: "(leaving === '' && spec.draining.includes(leaving))",
  },
  {
    name: 'route-of-earlier-stay',
    file: 'controllers/endpoints/facts.ts',
    what: "the acknowledgement of an alloc's earlier stay in the Endpoints is left on it",
    find: 'outdated: outdated(allocs, wanted, written),',
    replace: 'outdated: outdated([], wanted, written),',
  },
  {
    name: 'route-waits-for-the-dead',
    file: 'controllers/endpoints/facts.ts',
    what: 'a gateway whose lease ran out is waited for, for ever',
    find: 'leases.expiryMs(lease) > nowMs);',
    replace: 'leases.expiryMs(lease) > 0);',
  },
  {
    name: 'route-restart-forgets-gateways',
    file: 'controllers/processes/control-plane.ts',
    what: 'a server that was restarted does not wait for its gateways to come back before it acknowledges',
    find: "if (store.state.count('Endpoints') > 0) giveTime(",
    replace: "if (store.state.count('Endpoints') > 0) ((_ms: number) => {})(",
  },
  {
    name: 'route-wait-without-timer',
    file: 'controllers/endpoints/controller.ts',
    what: 'nobody looks again when the lease of a gateway that is waited for runs out',
    find: 'wakeAt: ({ waitsUntilMs }) => waitsUntilMs,',
    replace: 'wakeAt: () => undefined,',
  },
  {
    name: 'route-of-the-suspended',
    file: 'api/kinds/alloc.ts',
    what: 'an alloc that is wanted suspended stays in the Endpoints',
    find: "if (alloc.spec.desired !== 'running') return 'unrouted';",
    replace: "if (alloc.spec.desired === 'stopped') return 'unrouted';",
  },
  {
    name: 'gateway-hides-requests-in-flight',
    file: 'controllers/processes/gateway.ts',
    what: 'a gateway does not say which allocs it still has requests in flight to',
    find: 'draining: gateway.draining(), problems',
    replace: 'draining: [], problems',
  },
];
