import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { expect } from 'chai';
import { web } from './fleet.ts';
import { collect, Mill } from './mill.ts';

const service = (spec: string, name = 'bad'): string =>
  `apiVersion: mill.dev/v1alpha1\nkind: Service\nmetadata: { name: ${name} }\nspec: ${spec}\n`;

/** A manifest that is wrong, and what the one line about it must say. */
const MANIFESTS: readonly [string, string, RegExp][] = [
  ['a wrong type', service('{ replicas: many, template: { command: [a] } }'), /spec\.replicas/],
  ['an unknown field', service('{ replicsa: 3, template: { command: [a] } }'), /replicsa.*unknown field/],
  ['a negative number', service('{ replicas: -1, template: { command: [a] } }'), /spec\.replicas/],
  [
    'a missing name',
    'apiVersion: mill.dev/v1alpha1\nkind: Service\nmetadata: {}\nspec: { template: { command: [a] } }\n',
    /metadata\.name/,
  ],
  ['a hostile name', service('{ template: { command: [a] } }', '"../../etc/passwd"'), /metadata\.name/],
  ['a name that is too long', service('{ template: { command: [a] } }', 'a'.repeat(300)), /metadata\.name/],
  [
    'a kind that is not known',
    'apiVersion: mill.dev/v1alpha1\nkind: Servce\nmetadata: { name: a }\n',
    /Servce/,
  ],
  [
    'a version that is not known',
    'apiVersion: mill.dev/v9\nkind: Service\nmetadata: { name: a }\n',
    /mill\.dev\/v9/,
  ],
  ['broken YAML', 'kind: Service\n  metadata: [\n', /line/],
  ['no object at all', '- just\n- a list\n', /object/],
  [
    'a cycle',
    'apiVersion: mill.dev/v1alpha1\nkind: Node\nmetadata: { name: a, labels: &l { a: *l } }\n',
    /labels|alias/i,
  ],
  [
    'an alias bomb',
    `a: &a [x,x,x,x,x,x,x,x,x]\n${[...'bcdefghij'].map((c, i) => `${c}: &${c} [${Array(9).fill(`*${'abcdefghij'[i]}`).join(',')}]`).join('\n')}\n`,
    /alias/i,
  ],
  [
    'a nested volume without a name',
    service('{ template: { command: [a], volumes: [{ volume: v, path: /v }] } }'),
    /volumes\[0\]/,
  ],
  [
    'a health check of two kinds',
    service('{ template: { command: [a], health: { http: { path: / }, tcp: {} } } }'),
    /health/,
  ],
  [
    'more replicas than a volume has writers',
    service('{ replicas: 2, template: { command: [a], volumes: [{ name: d, volume: v, path: /v }] } }'),
    /replicas/,
  ],
  [
    'a port out of range',
    service('{ ports: [{ name: a, gatewayPort: 70000 }], template: { command: [a] } }'),
    /gatewayPort/,
  ],
  ['a duration that is none', service('{ template: { command: [a], stopGrace: soon } }'), /stopGrace/],
  [
    'a label that is none',
    'apiVersion: mill.dev/v1alpha1\nkind: Node\nmetadata: { name: a, labels: { "?": x } }\n',
    /labels/,
  ],
];

describe('bad input', function () {
  this.timeout(180_000);
  let mill: Mill;

  before(async () => {
    mill = await Mill.start();
    await mill.apply(web('web', { replicas: 1 }));
    await mill.untilHealthy('web');
  });
  after(() => mill.close());

  const everything = async () => {
    const lists = await Promise.all([
      mill.list('Service'),
      mill.list('Node'),
      mill.list('Task'),
      mill.list('Volume'),
    ]);
    return lists.flat().map((object) => [object.kind, object.metadata.name, object.spec]);
  };

  for (const [what, manifest, expected] of MANIFESTS) {
    it(`${what} is refused in one clear line, and changes nothing`, async () => {
      const before = await everything();
      // A good document in front of the bad one must not be applied either.
      const good = service('{ replicas: 0, template: { command: [a] } }', 'good');
      const refused = await mill.run(['apply', '-f', '-'], `${good}---\n${manifest}`);
      expect(refused.code).to.equal(1);
      const [line] = refused.stderr.split('\n');
      expect(line)
        .to.match(/^mill: /)
        .and.match(/document 2|line/)
        .and.match(expected);
      expect(refused.stderr).to.not.match(/\n\s+at /);
      expect(await everything()).to.deep.equal(before);
    });
  }

  it('a huge document is refused', async () => {
    const huge = service(`{ template: { command: [a], env: { A: "${'x'.repeat(3_000_000)}" } } }`);
    const refused = await mill.run(['apply', '-f', '-'], huge);
    expect(refused.code).to.equal(1);
    expect(refused.stderr).to.match(/^mill: .*(large|bytes|MiB|limit)/);
  });

  it('a file that is not there, an unknown command and an unknown flag say what would be right', async () => {
    const missing = await mill.run(['apply', '-f', '/nowhere/x.yaml']);
    expect(missing).to.include({ code: 1 });
    expect(missing.stderr).to.include('/nowhere/x.yaml');
    expect((await mill.run(['dran', 'node-1'])).code).to.equal(2);
    expect((await mill.run(['drain', 'node-1', '--forse'])).code).to.equal(2);
    expect((await mill.run(['drain', 'node-9'])).code).to.equal(1);
    expect((await mill.run(['nodes', '--server', '127.0.0.1:1', '--token', 'x'])).code).to.equal(3);
  });

  it('over HTTP: it is a Status, the server keeps serving, and nobody gets in without a credential', async () => {
    const token = JSON.parse(
      readFileSync(
        join(
          mill.home,
          'config/mill/contexts',
          readdirSync(join(mill.home, 'config/mill/contexts'))[0] ?? '',
        ),
        'utf8',
      ),
    ).token as string;
    const nodes = '/apis/mill.dev/v1alpha1/nodes';
    const bearer = { authorization: `Bearer ${token}` };
    const cases: [string, string, Record<string, string>, string, number][] = [
      ['POST', nodes, bearer, '{', 400],
      ['POST', nodes, bearer, '{"kind":"Node"}', 422],
      ['POST', nodes, bearer, `{"kind":"Node","metadata":{"name":"a"},"__proto__":{"x":1}}`, 400],
      ['POST', nodes, bearer, `${'['.repeat(100_000)}${']'.repeat(100_000)}`, 400],
      ['POST', nodes, bearer, `"${'x'.repeat(8_000_000)}"`, 413],
      ['GET', `${nodes}/%2e%2e%2f`, bearer, '', 404],
      ['GET', `${nodes}/%ff%00`, bearer, '', 400],
      [
        'PATCH',
        `${nodes}/node-1`,
        { ...bearer, 'content-type': 'application/strategic-merge-patch+json' },
        '{}',
        415,
      ],
      ['GET', '/apis/mill.dev/v1alpha1/nothing', bearer, '', 404],
      ['GET', nodes, {}, '', 401],
      ['GET', nodes, { authorization: 'Bearer wrong' }, '', 401],
      ['GET', nodes, { ...bearer, origin: 'https://evil.example' }, '', 403],
      ['GET', nodes, { ...bearer, host: 'evil.example' }, '', 403],
    ];
    for (const [method, path, headers, body, expected] of cases) {
      const { status, text } = await send(mill.url, method, path, headers, body);
      expect(status, `${method} ${path} ${body.slice(0, 60)}: ${text.slice(0, 200)}`).to.equal(expected);
      expect(JSON.parse(text)).to.include({ kind: 'Status', status: 'Failure' });
      expect(text).to.not.match(/\.(ts|js):\d/);
    }
    await mill.ok('nodes');
  });
});

describe('a damaged journal', function () {
  this.timeout(180_000);

  it('is cut at a torn tail, refused in one line where it is broken in the middle, and never half served', async () => {
    const mill = await Mill.start({ nodes: 1 });
    try {
      await mill.apply(web('web', { replicas: 1 }));
      await mill.untilHealthy('web');
      await mill.kill();
      const store = join(mill.dataDir, 'store');
      const [journal] = readdirSync(store)
        .filter((name) => name.includes('journal'))
        .map((name) => join(store, name))
        .sort((a, b) => statSync(b).size - statSync(a).size);
      if (!journal) throw new Error(`no journal in ${readdirSync(store)}`);
      const whole = readFileSync(journal);

      truncateSync(journal, endOf(whole) - 3);
      await mill.up();
      expect((await mill.list('Node')).map((node) => node.metadata.name)).to.deep.equal(['node-1']);
      await mill.kill();

      const flipped = Buffer.from(whole);
      const middle = Math.floor(endOf(whole) / 3);
      flipped[middle] = (flipped[middle] ?? 0) ^ 0x10;
      writeFileSync(journal, flipped);
      const refused = await collect(
        mill.start(['up', '--nodes', '1', '--listen', '127.0.0.1:0', '--data', mill.dataDir]),
      );
      expect(refused.code).to.equal(1);
      expect(refused.stderr).to.match(/mill: .*journal/);
      expect(refused.stderr).to.not.match(/\n\s+at /);
    } finally {
      await mill.close();
    }
  });
});

/** Where the last record ends: a journal may be preallocated, with zeros behind its records. */
function endOf(journal: Buffer): number {
  let end = journal.length;
  while (end > 0 && journal[end - 1] === 0) end -= 1;
  return end;
}

function send(url: string, method: string, path: string, headers: Record<string, string>, body: string) {
  return new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
    const type = body ? { 'content-type': 'application/json' } : {};
    const outgoing = request(
      new URL(path, url),
      { method, headers: { ...type, ...headers }, rejectUnauthorized: false },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        response.on('end', () => resolve({ status: response.statusCode, text }));
        response.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
