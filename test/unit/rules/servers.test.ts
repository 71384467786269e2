/** The rules about the servers that the fleet stands on: who leads, and which nodes may not go. */
import { expect } from 'chai';
import { isApiError } from '../../../api/errors.ts';
import { SERVER_GROUP } from '../../../api/groups.ts';
import type { AnyObject } from '../../../api/kinds/index.ts';
import { admission } from '../../../api/rules/index.ts';
import type { Actor, Write } from '../../../api/store.ts';
import { MutableState } from '../../../runtime/store/state.ts';
import { changed, leadership, node, serverLease } from '../../vocabulary/objects.ts';

const server: Actor = { user: 'system:server:a', groups: [SERVER_GROUP] };
const operator: Actor = { user: 'admin', groups: ['system:masters'] };
const controllerIn = (term: number): Actor => ({
  user: 'system:controller:drain',
  groups: ['system:controllers'],
  leadership: { name: 'drain', term },
});
const put = (object: AnyObject): Write => ({ type: 'put', object });

/** What the rules say to a write on top of what is there; undefined: nothing. */
function objection(there: readonly AnyObject[], write: Write, actor: Actor): string | undefined {
  const state = new MutableState();
  for (const object of there) state.put(object);
  try {
    admission(state, [write], actor);
    return undefined;
  } catch (error) {
    if (!isApiError(error)) throw error;
    return `${error.reason}: ${error.message}`;
  }
}

describe('the rules about leaderships', () => {
  const held = leadership('drain', { server: 'a', term: 3 });
  const cordon = put(node('node-1', { unschedulable: true }));
  const write = (there: readonly AnyObject[], term: number) => objection(there, cordon, controllerIn(term));

  it('let the controller of the current term write', () => {
    expect(write([held], 3)).to.equal(undefined);
  });

  for (const [whose, there, term, said] of [
    ['of an earlier term', [held], 2, 'term 2 is over, server "a" leads it now (term 3)'],
    ['of a term that is not yet', [held], 4, 'term 4 is over, server "a" leads it now (term 3)'],
    [
      'of a term that was given up',
      [leadership('drain', { term: 3 })],
      3,
      'term 3 is over, nobody leads it now (term 3)',
    ],
    ['of a leadership that never was', [], 1, 'term 1 is over, nobody leads it now (term 0)'],
  ] as const) {
    it(`refuse every write of the controller ${whose}`, () => {
      expect(write(there, term)).to.equal(`Conflict: leadership "drain": ${said}`);
    });
  }

  const change = (spec: Partial<typeof held.spec>) => put(changed(held, { spec }));
  for (const [what, write, actor, said] of [
    ['let a server take one by the next term', change({ server: 'b', term: 4 }), server, undefined],
    ['let a server give one up', put(leadership('drain', { term: 3 })), server, undefined],
    ['refuse a new leader in the same term', change({ server: 'b' }), server, 'needs a term after 3, not 3'],
    ['refuse a term that goes back', change({ term: 2 }), server, 'needs a term after 3, not 2'],
    [
      'refuse that it is deleted',
      { type: 'delete', kind: 'Leadership', name: 'drain' },
      server,
      'kept for good',
    ],
    ['refuse others than servers', change({ server: 'b', term: 4 }), operator, '"admin" is no server'],
    ['refuse controllers as well', change({ server: 'b', term: 4 }), controllerIn(3), 'is no server'],
  ] as const satisfies readonly (readonly [string, Write, Actor, string | undefined])[]) {
    it(what, () => {
      const answer = objection([held], write, actor);
      if (said === undefined) expect(answer).to.equal(undefined);
      else
        expect(answer)
          .to.match(/^Invalid: leadership "drain": /)
          .and.include(said);
    });
  }
});

describe('the rules about a node that carries servers', () => {
  const nats = (...online: boolean[]) =>
    online.map((each, index) => ({ name: `n${index + 1}`, online: each }));
  const labelled = node('node-1', {}, {}, { labels: { 'mill.dev/nats-server': 'n1' } });
  const removal = (of: typeof labelled) => put(changed(of, { spec: { ...of.spec, removed: true } }));
  const elsewhere = serverLease('b');

  for (const [what, subject, leases, said] of [
    [
      'lets a node without any go',
      node('node-1'),
      [serverLease('a', { natsServers: nats(true, true, false) })],
      undefined,
    ],
    [
      'lets one of two mill servers go',
      labelled,
      [serverLease('a', { node: 'node-1' }), elsewhere],
      undefined,
    ],
    [
      'keeps the last mill server',
      labelled,
      [serverLease('a', { node: 'node-1' })],
      'the last mill server runs on it: start "mill server" on another machine first',
    ],
    [
      'keeps the last one that is not stopping',
      labelled,
      [serverLease('a', { node: 'node-1' }), serverLease('b', { leaving: true })],
      'the last mill server',
    ],
    [
      'lets one NATS server of three go',
      labelled,
      [serverLease('a', { natsServers: nats(true, true, true) })],
      undefined,
    ],
    [
      'lets a NATS server go that is down',
      labelled,
      [serverLease('a', { natsServers: nats(false, true, true) })],
      undefined,
    ],
    [
      'keeps a NATS server that the majority needs',
      labelled,
      [serverLease('a', { natsServers: nats(true, true, false) })],
      'the NATS server "n1" runs on it, and without it 1 of 3 would be online where 2 are needed: bring the others back, or move it to another machine first',
    ],
    [
      'keeps the only NATS server',
      labelled,
      [serverLease('a', { natsServers: nats(true) })],
      '0 of 1 would be online',
    ],
    [
      'knows a NATS server by the address of its node',
      node('node-1', { address: 'n2' }),
      [serverLease('a', { natsServers: nats(true, true, false) })],
      'the NATS server "n2" runs on it',
    ],
    [
      'believes the newest report',
      labelled,
      [
        changed(serverLease('a', { natsServers: nats(true, true, true) }), {
          metadata: { resourceVersion: '7' },
        }),
        changed(serverLease('b', { natsServers: nats(true, false, true) }), {
          metadata: { resourceVersion: '10' },
        }),
      ],
      '1 of 3 would be online',
    ],
  ] as const) {
    it(what, () => {
      const answer = objection([subject, ...leases], removal(subject), operator);
      if (said === undefined) expect(answer).to.equal(undefined);
      else
        expect(answer)
          .to.match(/^Invalid: node "node-1": /)
          .and.include(said);
    });
  }

  it('keeps such a node from being deleted as well', () => {
    const answer = objection(
      [labelled, serverLease('a', { node: 'node-1' })],
      { type: 'delete', kind: 'Node', name: 'node-1' },
      operator,
    );
    expect(answer).to.include('the last mill server');
  });

  it('says nothing to other changes of it', () => {
    const there = [labelled, serverLease('a', { node: 'node-1' })];
    expect(objection(there, put(changed(labelled, { spec: { drain: true } })), operator)).to.equal(undefined);
  });
});
