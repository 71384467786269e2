import { expect } from 'chai';
import { ApiError } from '../../../api/errors.ts';
import { KIND_NAMES } from '../../../api/kinds/index.ts';
import { type HttpWorld, startHttpWorld } from './http-world.ts';
import { admin, node, service as serviceObject } from './world.ts';

const BASE = '/apis/mill.dev/v1alpha1';
const NODES = `${BASE}/nodes`;
const TABLE = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' };
const MERGE = { 'content-type': 'application/merge-patch+json' };

describe('the HTTP server', () => {
  let world: HttpWorld;
  let notReady: string | undefined;
  before(async () => {
    world = await startHttpWorld({
      whyNotReady: () => notReady,
      planDrain: ({ metadata }) => ({
        kind: 'DrainPlan',
        node: metadata.name,
        volumes: [],
        services: [],
        tasks: [],
      }),
      metrics: [{ name: 'mill_test', help: 'A test.', type: 'gauge', collect: () => [{ value: 7 }] }],
    });
    await world.service.create(admin, 'Node', node('n1', {}, { labels: { zone: 'a' } }));
    await world.service.create(admin, 'Service', serviceObject('web'));
  });
  after(() => world.close());
  const send = (...parameters: Parameters<HttpWorld['send']>) => world.send(...parameters);
  const post = (body: string, type = 'application/json', path = NODES) =>
    send('POST', path, { body, headers: { 'content-type': type } });

  describe('letting in', () => {
    it('says how it is without a credential', async () => {
      for (const path of ['/healthz', '/livez', '/readyz']) {
        expect(await send('GET', path, { token: '' })).to.include({ code: 200, text: 'ok' });
      }
      notReady = 'the store is being read';
      expect(await send('GET', '/readyz', { token: '' })).to.include({ code: 503, text: notReady });
      notReady = undefined;
    });

    it('answers nothing else without one', async () => {
      for (const path of [
        '/',
        '/version',
        '/metrics',
        '/openapi/v3',
        '/apis',
        NODES,
        '/no/such',
        `${NODES}/n1`,
      ]) {
        const { code, json, headers } = await send('GET', path, { token: '' });
        expect(code, path).to.equal(401);
        expect(json).to.include({ kind: 'Status', status: 'Failure', reason: 'Unauthorized', code: 401 });
        expect(headers['www-authenticate']).to.match(/^Bearer/);
      }
      expect((await send('GET', NODES, { token: 'wrong' })).code).to.equal(401);
      expect((await send('POST', NODES, { token: '', body: 'x'.repeat(100_000) })).code).to.equal(401);
    });

    it('refuses names that are not its own, and other web pages', async () => {
      const hosts = [
        'evil.example',
        `evil.example:${world.port}`,
        '127.0.0.1.evil.example',
        'localhost@evil',
      ];
      for (const host of hosts) {
        expect((await send('GET', '/healthz', { headers: { host } })).code, host).to.equal(403);
      }
      expect(await world.sendRaw('GET /healthz HTTP/1.1\r\nHost: \r\n\r\n')).to.match(/^HTTP\/1\.1 403 /);
      for (const host of ['localhost', `127.0.0.1:${world.port}`, `[::1]:${world.port}`, 'LOCALHOST:1']) {
        expect((await send('GET', NODES, { headers: { host } })).code, host).to.equal(200);
      }
      for (const origin of [
        'http://evil.example',
        'null',
        `https://127.0.0.1:${world.port}`,
        'http://127.0.0.1:1',
      ]) {
        const { code, json } = await send('GET', NODES, { headers: { origin } });
        expect(code, origin).to.equal(403);
        expect(json.reason).to.equal('Forbidden');
      }
      expect((await send('GET', NODES, { headers: { origin: world.url } })).code).to.equal(200);
    });

    it('tells what an agent may not do', async () => {
      const { token } = await world.service.registerNode(admin, 'n9', {});
      expect((await send('GET', NODES, { token })).code).to.equal(200);
      const { code, json } = await send('DELETE', `${NODES}/n9`, { token });
      expect(code).to.equal(403);
      expect(json.message).to.equal('"system:node:n9" may not delete nodes "n9"');
    });
  });

  describe('finding', () => {
    it('says what is not there, and what a method is not for', async () => {
      for (const path of ['/nothing', `${BASE}/pods`, `${NODES}/n1/nothing`, `${BASE}/nodes/n1/scale`]) {
        const { code, json } = await send('GET', path);
        expect(code, path).to.equal(404);
        expect(json.reason).to.equal('NotFound');
      }
      const { code, headers, json } = await send('POST', `${NODES}/n1`);
      expect(code).to.equal(405);
      expect(headers.allow).to.equal('GET, PUT, PATCH, DELETE, HEAD, OPTIONS');
      expect(json.reason).to.equal('MethodNotAllowed');
      expect((await send('OPTIONS', NODES)).headers.allow).to.include('POST');
      expect(await send('HEAD', `${NODES}/n1`)).to.include({ code: 200, text: '' });
      expect((await send('DELETE', NODES)).code).to.equal(405);
    });

    it('finds no object by a strange name', async () => {
      for (const name of [
        '..',
        '%2e%2e',
        '%00',
        'n1%2fstatus',
        'N1',
        '%F0%9F%98%80',
        'x'.repeat(2_000),
        '__proto__',
      ]) {
        expect((await send('GET', `${NODES}/${name}`)).code, name).to.equal(404);
      }
      for (const name of ['%', '%zz', '%ff']) {
        expect((await send('GET', `${NODES}/${name}`)).code, name).to.equal(400);
      }
      expect((await send('GET', `${NODES}/n%31`)).json.metadata.name).to.equal('n1');
    });

    it('describes itself', async () => {
      expect((await send('GET', '/version')).json).to.include({
        gitVersion: 'v1.2.3',
        major: '1',
        minor: '2',
      });
      expect((await send('GET', '/api')).json.kind).to.equal('APIVersions');
      expect((await send('GET', '/apis?timeout=32s')).json.groups[0].name).to.equal('mill.dev');
      expect((await send('GET', '/apis/mill.dev')).json.preferredVersion.version).to.equal('v1alpha1');
      const { resources } = (await send('GET', BASE)).json;
      const names = resources.map((resource: { name: string }) => resource.name);
      expect(names).to.include.members(['nodes', 'nodes/status', 'services/scale', 'allocs']);
    });

    it('has an OpenAPI document, complete and in its own dialect', async () => {
      const { paths } = (await send('GET', '/openapi/v3')).json;
      const { serverRelativeURL } = paths['apis/mill.dev/v1alpha1'];
      const { json, headers, text } = await send('GET', serverRelativeURL);
      expect(headers['cache-control']).to.equal('public, immutable');
      expect(Object.keys(json.components.schemas)).to.have.length(KIND_NAMES.length * 2 + 1);
      for (const [, name] of text.matchAll(/#\/components\/schemas\/([\w.]+)/g)) {
        expect(json.components.schemas).to.have.property(name ?? '');
      }
      const { spec } = json.components.schemas['dev.mill.v1alpha1.Task'].properties;
      expect(spec.properties.template.properties.stopGrace).to.include({
        description: 'time from SIGTERM to SIGKILL; a duration such as 500ms, 30s, 5m, 1h30m',
      });
      expect(text).not.to.include('patternProperties').and.not.to.include('"type":[');
      const parameters = json.paths[`${NODES}/{name}`].patch.parameters;
      expect(parameters.map((parameter: { name: string }) => parameter.name)).to.include('fieldValidation');
    });

    it('has metrics', async () => {
      const { code, text } = await send('GET', '/metrics');
      expect(code).to.equal(200);
      expect(text).to.match(/^mill_objects\{kind="Service"\} 1$/m);
      expect(text).to.match(/^mill_test 7$/m);
      expect(text).to.match(/^mill_requests_total\{method="GET",resource="nodes",code="200"\} \d+$/m);
      expect(text).to.match(/^mill_store_revision \d+$/m);
    });
  });

  describe('objects', () => {
    it('are created, read, replaced, patched and deleted', async () => {
      const made = await post(
        JSON.stringify(node('n2')),
        'application/json',
        `${NODES}?fieldManager=me&fieldValidation=Strict`,
      );
      expect(made.code).to.equal(201);
      expect(made.json).to.deep.include({ kind: 'Node', apiVersion: 'mill.dev/v1alpha1' });
      made.json.spec.unschedulable = true;
      const replaced = await send('PUT', `${NODES}/n2`, { body: JSON.stringify(made.json) });
      expect(replaced.json.metadata.generation).to.equal(2);
      const conflict = await send('PUT', `${NODES}/n2`, { body: JSON.stringify(made.json) });
      expect(conflict.code).to.equal(409);
      expect(conflict.json.reason).to.equal('Conflict');
      const patched = await send('PATCH', `${NODES}/n2`, {
        body: '{"spec":{"unschedulable":false}}',
        headers: MERGE,
      });
      expect(patched.json.spec.unschedulable).to.equal(false);
      const json = { 'content-type': 'application/json-patch+json' };
      const operations = '[{"op":"add","path":"/metadata/finalizers","value":[]}]';
      expect((await send('PATCH', `${NODES}/n2`, { body: operations, headers: json })).code).to.equal(200);
      const body = JSON.stringify({
        kind: 'DeleteOptions',
        propagationPolicy: 'Background',
        gracePeriodSeconds: 0,
      });
      const deleted = await send('DELETE', `${NODES}/n2`, { body });
      expect(deleted.json).to.deep.include({ kind: 'Status', status: 'Success' });
      expect((await send('DELETE', `${NODES}/n2`)).code).to.equal(404);
    });

    it('are answered as they wait for their finalizers', async () => {
      await world.service.create(admin, 'Service', serviceObject('waits'));
      const { code, json } = await send('DELETE', `${BASE}/services/waits`);
      expect(code).to.equal(200);
      expect(json.metadata).to.have.property('deletionTimestamp');
    });

    it('have a status and a scale of their own', async () => {
      const status = { status: { ready: 1 }, spec: { replicas: 7 } };
      const patched = await send('PATCH', `${BASE}/services/web/status`, {
        body: JSON.stringify(status),
        headers: MERGE,
      });
      expect(patched.json.status.ready).to.equal(1);
      expect(patched.json.spec.replicas).to.equal(1);
      expect((await send('GET', `${BASE}/services/web/status`)).json.status.ready).to.equal(1);
      const scale = await send('GET', `${BASE}/services/web/scale`);
      const body = JSON.stringify({ ...scale.json, spec: { replicas: 2 } });
      expect((await send('PUT', `${BASE}/services/web/scale`, { body })).json.spec.replicas).to.equal(2);
      const more = await send('PATCH', `${BASE}/services/web/scale`, {
        body: '{"spec":{"replicas":3}}',
        headers: MERGE,
      });
      expect(more.json.status).to.deep.equal({ replicas: 1 });
    });

    it('are not changed by a dry run', async () => {
      const { revision } = world.store.state;
      const body = JSON.stringify(node('dry'));
      expect((await send('POST', `${NODES}?dryRun=All`, { body })).code).to.equal(201);
      expect((await send('DELETE', `${NODES}/n1?dryRun=All`)).code).to.equal(200);
      expect((await send('DELETE', `${NODES}/n1`, { body: '{"dryRun":["All"]}' })).code).to.equal(200);
      const patch = { body: '{"spec":{"drain":true}}', headers: MERGE };
      expect((await send('PATCH', `${NODES}/n1?dryRun=All`, patch)).json.spec.drain).to.equal(true);
      expect((await send('POST', `${NODES}?dryRun=Some`, { body })).code).to.equal(400);
      expect((await send('DELETE', `${NODES}/n1`, { body: '{"dryRun":"All"}' })).code).to.equal(400);
      expect(world.store.state.revision).to.equal(revision);
    });

    it('are listed, selected, and come in pages', async () => {
      const { json } = await send('GET', `${NODES}?limit=1`);
      expect(json.kind).to.equal('NodeList');
      expect(json.items).to.have.length(1);
      const next = await send('GET', `${NODES}?limit=500&continue=${json.metadata.continue}`);
      expect(next.json.items[0].metadata.name).to.equal('n9');
      const selected = await send('GET', `${NODES}?labelSelector=zone%3Da&fieldSelector=status.phase%3Ddown`);
      expect(selected.json.items).to.have.length(1);
      expect((await send('GET', `${NODES}?limit=-1`)).code).to.equal(400);
      expect((await send('GET', `${NODES}?labelSelector=%3D`)).code).to.equal(400);
    });

    it('are shown as tables', async () => {
      const { json } = await send('GET', NODES, { headers: TABLE });
      expect(json).to.deep.include({ kind: 'Table', apiVersion: 'meta.k8s.io/v1' });
      const names = json.columnDefinitions.map((column: { name: string }) => column.name);
      expect(names.slice(0, 4)).to.deep.equal(['Name', 'Status', 'Drain', 'Allocs']);
      expect(json.columnDefinitions.at(-1)).to.include({ name: 'Address', priority: 1 });
      expect(json.rows[0].cells.slice(0, 3)).to.deep.equal(['n1', 'down', '-']);
      expect(json.rows[0].object).to.include({ kind: 'PartialObjectMetadata' });
      const one = await send('GET', `${NODES}/n1?includeObject=Object`, { headers: TABLE });
      expect(one.json.rows[0].object.spec.drain).to.equal(false);
      expect(
        (await send('GET', NODES, { headers: { accept: 'application/vnd.kubernetes.protobuf' } })).code,
      ).to.equal(406);
    });

    it('show what a drain would do', async () => {
      expect((await send('GET', `${NODES}/n1/drainplan`)).json).to.include({ kind: 'DrainPlan', node: 'n1' });
      expect((await send('GET', `${NODES}/none/drainplan`)).code).to.equal(404);
    });

    it('let a machine join', async () => {
      const { code, json } = await send('POST', `${NODES}/n8/register`, { body: '{"address":"10.0.0.8"}' });
      expect(code).to.equal(201);
      expect(json.node.spec.address).to.equal('10.0.0.8');
      expect((await send('GET', NODES, { token: json.token })).code).to.equal(200);
    });
  });

  describe('bodies', () => {
    it('may be YAML', async () => {
      const yaml = 'kind: Service\nmetadata: {name: from-yaml}\nspec:\n  template:\n    command: [serve]\n';
      const { code, json } = await post(yaml, 'application/yaml', `${BASE}/services`);
      expect(code).to.equal(201);
      expect(json.spec.template.command).to.deep.equal(['serve']);
    });

    it('that cannot be read are refused with the place', async () => {
      const bad = await post('{\n  "kind": "Node",\n  oops\n}');
      expect(bad.code).to.equal(400);
      expect(bad.json.message).to.match(/^the body is not JSON: .* at line 3, column 3$/);
      expect((await post('{"kind": "Node"')).json.message).to.match(/^the body is not JSON: /);
      const yaml = await post('kind: Node\n  bad: : x', 'application/yaml');
      expect(yaml.code).to.equal(400);
      expect(yaml.json.message).to.match(/^the body is not YAML: .* at line \d+, column \d+$/);
      expect((await post('a: 1\n---\nb: 2', 'application/yaml')).code).to.equal(400);
      expect((await post('')).code).to.equal(400);
      expect((await send('POST', NODES, { body: Buffer.from([0x22, 0xff, 0x22]) })).code).to.equal(400);
    });

    it('that would do harm are refused', async () => {
      const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
      expect((await post(deep)).code).to.equal(400);
      expect((await post(`{"kind":"Node","metadata":{"name":"x"},"spec":${deep}}`)).code).to.equal(400);
      expect(
        (await post(`{"kind":"Node","metadata":{"name":"x","__proto__":{"polluted":1}}}`)).code,
      ).to.equal(400);
      const yamlDeep = '['.repeat(20_000);
      expect((await post(yamlDeep, 'application/yaml')).code).to.equal(400);
      const laughs = `a: &a [x,x,x,x,x,x,x,x,x]\n${[...'bcdefgh'].map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefg'[index]}`)}]`).join('\n')}`;
      expect((await post(laughs, 'application/yaml')).code).to.be.oneOf([400, 413]);
      expect((await post('__proto__: {polluted: 1}\nkind: Node', 'application/yaml')).code).to.equal(400);
      expect({}).not.to.have.property('polluted');
    });

    it('that are too large are refused before they are read', async () => {
      const large = JSON.stringify(
        node(
          'big',
          {},
          {
            annotations: {
              a: 'x'.repeat(250_000),
              b: 'x'.repeat(250_000),
              c: 'x'.repeat(250_000),
              d: 'x'.repeat(250_000),
              e: 'x'.repeat(250_000),
            },
          },
        ),
      );
      const { code, json } = await post(large);
      expect(code).to.equal(413);
      expect(json.reason).to.equal('RequestEntityTooLarge');
      const head = `POST ${NODES} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer admin-token\r\n`;
      expect(await world.sendRaw(`${head}Content-Length: 99999999\r\n\r\n{`)).to.match(/^HTTP\/1\.1 413 /);
      const chunk = `${(65_536).toString(16)}\r\n${' '.repeat(65_536)}\r\n`;
      expect(await world.sendRaw(`${head}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(33)}`)).to.match(
        /^HTTP\/1\.1 413 /,
      );
    });

    it('of another type are refused', async () => {
      expect((await post('x', 'application/vnd.kubernetes.protobuf')).code).to.equal(415);
      const strategic = { 'content-type': 'application/strategic-merge-patch+json' };
      const { code, json } = await send('PATCH', `${NODES}/n1`, { body: '{}', headers: strategic });
      expect(code).to.equal(415);
      expect(json.message).to.include('application/merge-patch+json');
      const gzip = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
      expect((await send('POST', NODES, { body: '{}', headers: gzip })).code).to.equal(415);
    });

    it('that are invalid are told of field by field', async () => {
      const { code, json } = await post('{"kind":"Node","metadata":{"name":"x"},"spec":{"drian":true}}');
      expect(code).to.equal(422);
      expect(json.details).to.deep.equal({
        kind: 'Node',
        name: 'x',
        causes: [
          {
            field: 'spec.drian',
            message: 'unknown field; did you mean "drain"?',
            reason: 'FieldValueNotSupported',
          },
        ],
      });
    });

    it('that never come are not waited for', async () => {
      const head = `POST ${NODES} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer admin-token\r\n`;
      expect(await world.sendRaw(`${head}Content-Length: 10\r\n\r\n{`)).not.to.match(/^HTTP\/1\.1 2/);
    });
  });

  describe('errors', () => {
    it('of the server itself show an id, which the log explains, and nothing else', async () => {
      world.store.failNext = new Error('secret detail');
      const { code, text, json } = await post(JSON.stringify(node('n7')));
      expect(code).to.equal(500);
      expect(json.reason).to.equal('InternalError');
      expect(text).not.to.include('secret').and.not.to.include('.ts');
      const [id] = /[0-9a-f-]{36}/.exec(json.message) ?? [];
      expect(
        world.logged.some((line) => line.includes(id ?? '?') && line.includes('secret detail')),
      ).to.equal(true);
    });

    it('that pass say when to come again', async () => {
      world.store.failNext = new ApiError('ServiceUnavailable', 'no leader now');
      const { code, headers } = await post(JSON.stringify(node('n7')));
      expect(code).to.equal(503);
      expect(headers['retry-after']).to.equal('1');
    });

    it('in the protocol end the connection', async () => {
      expect(await world.sendRaw('NONSENSE\r\n\r\n')).to.match(/^HTTP\/1\.1 400 /);
      expect(await world.sendRaw(`GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)).to.match(
        /^HTTP\/1\.1 4\d\d /,
      );
    });
  });
});
