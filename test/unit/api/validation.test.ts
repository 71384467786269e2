import { expect } from 'chai';
import { KIND_NAMES } from '../../../api/kinds/index.ts';
import { checkObject } from '../../../api/validation/object.ts';
import { copyPlain, MAX_DEPTH, MAX_OBJECT_BYTES, MAX_VALUES } from '../../../api/validation/plain.ts';
import { checkPart } from '../../../api/validation/schema.ts';
import { closest } from '../../../api/validation/spelling.ts';
import { refusal } from './failure.ts';

const check = (spec: object, kind: 'Service' | 'Task' | 'Node' = 'Service') =>
  checkObject(kind, { kind, metadata: { name: 'web' }, spec }, ['metadata', 'spec']);
const template = { command: ['serve'] };

/** What is wrong with a service's spec, a line each. */
async function wrong(spec: object, kind: 'Service' | 'Task' | 'Node' = 'Service'): Promise<string[]> {
  const { details } = await refusal('Invalid', () => check(spec, kind));
  return (details.causes ?? []).map((cause) => `${cause.field}: ${cause.message}`);
}

describe('validation of objects', () => {
  it('has schemas that compile, for every kind and part', () => {
    for (const kind of KIND_NAMES) {
      expect(() => checkPart(kind, 'spec', { spec: {} }), kind).not.to.throw();
      expect(() => checkPart(kind, 'status', { status: {} }), kind).not.to.throw();
    }
  });

  it('fills in defaults and leaves what was written as it was', () => {
    const written = Object.freeze({ kind: 'Node', metadata: { name: 'n1' } });
    const { spec } = checkObject('Node', written, ['metadata', 'spec']);
    expect(spec).to.deep.include({ drain: false, address: '127.0.0.1' });
    expect(written).not.to.have.property('spec');
  });

  it('names the path and the value that is out of range', async () => {
    expect(await wrong({ template, ports: [{ name: 'http', gatewayPort: 70_000 }] })).to.deep.equal([
      'spec.ports[0].gatewayPort: must be ≤ 65535 (got 70000)',
    ]);
  });

  it('guesses what a misspelt field was meant to be', async () => {
    expect(await wrong({ template, replicsa: 2 })).to.deep.equal([
      'spec.replicsa: unknown field; did you mean "replicas"?',
    ]);
    expect(await wrong({ template, xyzzy: 2 })).to.deep.equal(['spec.xyzzy: unknown field']);
  });

  it('says what type it got', async () => {
    expect(await wrong({ template, replicas: '3' })).to.deep.equal([
      'spec.replicas: must be a whole number (got "3")',
    ]);
    expect(await wrong({ template: [] })).to.deep.equal(['spec.template: must be an object (got a list)']);
  });

  it('says which values there are', async () => {
    expect(await wrong({ template: { driver: 'exce' } })).to.deep.equal([
      'spec.template.driver: must be one of exec, container (got "exce"); did you mean "exec"?',
    ]);
  });

  it('says what a duration looks like', async () => {
    const [message] = await wrong({ template: { ...template, stopGrace: 'soon' } });
    expect(message).to.equal(
      'spec.template.stopGrace: must be a duration such as 500ms, 30s, 5m, 1h30m (got "soon")',
    );
  });

  it('says what a quantity and a threshold look like', async () => {
    const health = { tcp: {}, healthyAfter: 'soon' };
    expect(await wrong({ template: { ...template, resources: { cpu: 'some' }, health } })).to.have.members([
      'spec.template.resources.cpu: must be a quantity such as 500m, 2, 256Mi, 10Gi (got "some")',
      'spec.template.health.healthyAfter: must be a count of probes such as 3, or a duration such as 2s (got "soon")',
    ]);
  });

  it('says which keys are not allowed in a map', async () => {
    const [message] = await wrong({ template: { ...template, env: { 'a b': 'x' } } });
    expect(message).to.equal('spec.template.env["a b"]: "a b" is not allowed as a key here');
  });

  it('names all that is wrong at once, each field once', async () => {
    const lines = await wrong({ template, replicas: -1, ports: [{ name: 'UPPER' }, {}] });
    expect(lines).to.have.length(3);
    expect(lines).to.include('spec.replicas: must be ≥ 0 (got -1)');
    expect(lines).to.include('spec.ports[1].name: is required');
  });

  it('wants what its driver needs', async () => {
    expect(await wrong({ template: {} })).to.deep.equal([
      'spec.template.command: is required by the exec driver: the command and its arguments',
    ]);
    expect(await wrong({ template: { driver: 'container' } }, 'Task')).to.deep.equal([
      'spec.template.image: is required by the container driver',
    ]);
  });

  it('takes one health check only', async () => {
    expect(await wrong({ template: { ...template, health: { tcp: {}, http: {} } } })).to.deep.equal([
      'spec.template.health: must have only one of http, tcp and exec (got http, tcp)',
    ]);
  });

  it('knows the ports that a health check may name', async () => {
    const health = { http: { port: 'admin' } };
    expect(await wrong({ template: { ...template, health }, ports: [{ name: 'http' }] })).to.deep.equal([
      'spec.template.health.http.port: no port is named "admin"; the ports are http',
    ]);
    check({ template: { ...template, health: { http: { port: 'http' } } }, ports: [{ name: 'http' }] });
  });

  it('wants names of ports and volumes to be unique', async () => {
    const volumes = [
      { name: 'data', volume: 'v1', path: '/a' },
      { name: 'data', volume: 'v2', path: '/a' },
    ];
    const ports = [{ name: 'http' }, { name: 'http' }];
    expect(await wrong({ template: { ...template, volumes }, ports })).to.deep.equal([
      'spec.ports[1].name: is used twice (got "http")',
      'spec.template.volumes[1].name: is used twice (got "data")',
      'spec.template.volumes[1].path: is used twice (got "/a")',
    ]);
  });

  it('refuses names that are no DNS names', async () => {
    for (const name of ['', 'Upper', 'a b', '../etc', '-x', 'x-', 'ü', 'a'.repeat(254)]) {
      await refusal('Invalid', () => checkObject('Node', { kind: 'Node', metadata: { name } }, ['metadata']));
    }
  });

  it('refuses fields beside those of an object, and another kind or version', async () => {
    const object = { kind: 'Node', metadata: { name: 'n1' } };
    const { message } = await refusal('Invalid', () =>
      checkObject('Node', { ...object, specs: {} }, ['spec']),
    );
    expect(message).to.equal('Node "n1" is invalid: specs: unknown field; did you mean "spec"?');
    await refusal('BadRequest', () => checkObject('Task', object, []));
    await refusal('BadRequest', () => checkObject('Node', { ...object, apiVersion: 'v1' }, []));
    for (const nothing of [null, 7, 'node', [], undefined]) {
      await refusal('BadRequest', () => checkObject('Node', nothing, []));
    }
  });
});

describe('taking over what came from outside', () => {
  it('copies plain JSON and leaves undefined out', () => {
    const value = { a: [1, { b: null }], c: undefined, d: 'ü' };
    expect(copyPlain(value, 'it')).to.deep.equal({ a: [1, { b: null }], d: 'ü' });
  });

  it('refuses a __proto__ field, and pollutes nothing', async () => {
    const value: unknown = JSON.parse('{"a": {"__proto__": {"polluted": true}}}');
    await refusal('BadRequest', () => copyPlain(value, 'it'));
    expect({}).not.to.have.property('polluted');
  });

  it('refuses what is too deep, too large or has too many parts', async () => {
    let deep: unknown = 1;
    for (let level = 0; level <= MAX_DEPTH; level += 1) deep = [deep];
    await refusal('BadRequest', () => copyPlain(deep, 'it'));
    await refusal('RequestEntityTooLarge', () => copyPlain('x'.repeat(MAX_OBJECT_BYTES), 'it'));
    await refusal('RequestEntityTooLarge', () => copyPlain(Array(MAX_VALUES + 1).fill(0), 'it'));
  });

  it('refuses what is no JSON', async () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, () => 1, 1n, Symbol('x')]) {
      await refusal('BadRequest', () => copyPlain({ value }, 'it'));
    }
  });
});

describe('guessing a word', () => {
  it('finds swapped, missing and wrong letters, and gives up where it is none of them', () => {
    const words = ['replicas', 'ports', 'template'];
    expect(closest('replicsa', words)).to.equal('replicas');
    expect(closest('port', words)).to.equal('ports');
    expect(closest('TEMPLATE', words)).to.equal('template');
    expect(closest('volume', words)).to.equal(undefined);
  });
});
