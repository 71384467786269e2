/** A node leaves only when the servers that the fleet itself stands on can do without what runs on it. */
import type { Lease } from '../kinds/lease.ts';
import type { Node } from '../kinds/node.ts';
import type { Reader } from '../store.ts';
import { isLetGo } from './node.ts';
import { type Objection, type Proposal, rule } from './rule.ts';

/** Label of a node that carries a NATS server: that server's name. */
const NATS_SERVER_LABEL = 'mill.dev/nats-server';
const LOOPBACK = /^(localhost|127\..*|::1|)$/;

export const keepsQuorum = rule(
  'Node',
  'A node is removed only when a majority of the NATS servers, and one mill server, go on without it.',
  (proposal: Proposal<'Node'>) =>
    proposal.old && isLetGo(proposal)
      ? (lastServer(proposal.old, proposal.before) ?? brokenQuorum(proposal.old, proposal.before))
      : undefined,
);

/** Leases of servers that died are cleared away by those that live: what is there counts. */
const liveServers = (reader: Reader): readonly Lease[] =>
  reader.byIndex('Lease', 'holder', 'server').filter((lease) => !lease.spec.leaving);

function lastServer({ metadata: { name } }: Node, before: Reader): Objection | undefined {
  const servers = liveServers(before);
  const here = servers.filter((lease) => lease.spec.node === name);
  if (here.length === 0 || here.length < servers.length) return undefined;
  return {
    field: 'spec.removed',
    message: 'the last mill server runs on it: start "mill server" on another machine first',
  };
}

function brokenQuorum(node: Node, before: Reader): Objection | undefined {
  const servers = newestView(before);
  const here = servers.filter(({ name }) => carries(node, name));
  const left = servers.filter(({ name, online }) => online && !carries(node, name)).length;
  const needed = Math.floor(servers.length / 2) + 1;
  if (here.length === 0 || left >= needed) return undefined;
  const names = here.map(({ name }) => `"${name}"`).join(', ');
  return {
    field: 'spec.removed',
    message:
      `the NATS server ${names} runs on it, and without it ${left} of ${servers.length} would be online where ${needed} ` +
      'are needed: bring the others back, or move it to another machine first',
  };
}

/** As the server that reported last sees them. */
function newestView(before: Reader) {
  const [newest] = liveServers(before)
    .filter((lease) => lease.spec.natsServers !== undefined)
    .sort((a, b) => Number(b.metadata.resourceVersion) - Number(a.metadata.resourceVersion));
  return newest?.spec.natsServers ?? [];
}

/** NATS servers are often named like their host. */
const carries = ({ metadata, spec }: Node, natsServer: string): boolean =>
  metadata.labels?.[NATS_SERVER_LABEL] === natsServer ||
  (!LOOPBACK.test(spec.address ?? '') && spec.address === natsServer);
