import { expect } from 'chai';
import { annotate, applyPatch, LAST_APPLIED, sameJson, threeWay } from '../../../api/cli/manifest/merge.ts';
import { parseManifests } from '../../../api/cli/manifest/parse.ts';
import type { AnyObject } from '../../../api/kinds/index.ts';

const parse = (text: string) => parseManifests([{ file: 'web.yaml', text }]);
const HEAD = 'apiVersion: mill.dev/v1alpha1\n';
const NODE = `${HEAD}kind: Node\nmetadata: {name: node-1}\n`;

describe('manifests', () => {
  it('are read from several YAML documents, JSON, and lists, with empty documents left out', () => {
    const json = '{"apiVersion":"mill.dev/v1alpha1",\n\t"kind":"Task","metadata":{"name":"t"}}';
    const list = `apiVersion: v1\nkind: List\nitems:\n- ${HEAD}  kind: Volume\n  metadata: {name: data}\n`;
    const { manifests, problems } = parse(`${NODE}---\n---\n# nothing\n---\n${json}\n---\n${list}`);
    expect(problems).to.deep.equal([]);
    expect(manifests.map(({ kind, name }) => `${kind}/${name}`)).to.deep.equal([
      'Node/node-1',
      'Task/t',
      'Volume/data',
    ]);
  });

  it('lose status and what the server sets', () => {
    const { manifests } = parse(
      `${HEAD}kind: Node\nmetadata: {name: a, uid: u, resourceVersion: "3", labels: {x: y}}\nstatus: {phase: ready}\n`,
    );
    expect(manifests[0]?.object).to.deep.equal({
      apiVersion: 'mill.dev/v1alpha1',
      kind: 'Node',
      metadata: { name: 'a', labels: { x: 'y' } },
    });
  });

  it('name file, document, object, path and line of what the server refuses', () => {
    const { manifests } = parse(
      `${NODE}---\n${HEAD}kind: Service\nmetadata: {name: web}\nspec:\n  replicas: -1\n`,
    );
    expect(manifests[1]?.describe('must be ≥ 0 (got -1)', 'spec.replicas')).to.equal(
      'web.yaml: document 2 (service/web): spec.replicas: must be ≥ 0 (got -1) (line 9)',
    );
    expect(manifests[1]?.describe('is missing', 'spec.template.command')).to.match(/\(line 9\)$/);
  });

  const bomb = `a: &a [x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: [*c, *c, *c, *c, *c, *c, *c, *c]\n`;
  const refused: Record<string, [string, RegExp]> = {
    'broken YAML': ['a: [1\nb: 2', /^web.yaml: document 1: .* \(line \d\)$/],
    'a tag that makes code': [
      'a: !!js/function "x"',
      /^web.yaml: document 1: Unresolved tag: .*js\/function.*line 1/,
    ],
    'a key given twice': [
      'kind: Node\nkind: Task',
      /^web.yaml: document 1: Map keys must be unique \(line 2\)$/,
    ],
    'an alias bomb': [bomb, /^web.yaml: document 1: Excessive alias count/],
    'a number that is none': [
      `${NODE}spec: {capacity: {cpu: .nan}}`,
      /spec.capacity.cpu: NaN is not a number/,
    ],
    'a prototype': [`${NODE}spec: {__proto__: {a: 1}}`, /"__proto__" is not a field/],
    'nesting without end': [`a: ${'['.repeat(20_000)}`, /^web.yaml: /],
    'deep nesting': [`${NODE}spec: ${'['.repeat(90)}${']'.repeat(90)}`, /nested too deep/],
    'another API version': [
      'apiVersion: v1\nkind: Node\nmetadata: {name: a}',
      /apiVersion: must be mill.dev\/v1alpha1 \(got "v1"\) \(line 1\)$/,
    ],
    'an unknown kind': [
      `${HEAD}kind: Pod\nmetadata: {name: a}`,
      /document 1: kind: there is no such kind \(got "Pod"\) \(line 2\)$/,
    ],
    'a kind in small letters': [
      `${HEAD}kind: node\nmetadata: {name: a}`,
      /kind: must be Node \(got "node"\)/,
    ],
    'no name': [`${HEAD}kind: Node\nmetadata: {}`, /metadata.name: is missing/],
    'a text': ['hello', /must be an object with apiVersion, kind and metadata/],
    'an object given twice': [
      `${NODE}---\n${NODE}`,
      /document 2 \(node\/node-1\): given twice: first as web.yaml: document 1 \(node\/node-1\)$/,
    ],
    nothing: ['# only a comment\n', /^web.yaml: there is no object in it$/],
    'a list that is none': ['kind: List\nitems: 3', /items: must be a list/],
  };
  for (const [what, [text, message]] of Object.entries(refused)) {
    it(`refuse ${what}`, () => {
      const { problems } = parse(text);
      expect(problems).to.have.length.at.least(1);
      expect(problems[0]).to.match(message);
      expect(problems[0]).to.not.include('\n');
    });
  }

  it('tell all problems at once', () => {
    expect(parse(`${HEAD}kind: Pod\n---\na: [\n---\n${NODE}`).problems).to.have.length(2);
  });
});

describe('the three-way merge of apply', () => {
  type Json = Record<string, unknown>;
  const cases: [string, Json, Json, Json, Json][] = [
    ['changes nothing where all is so', { a: 1 }, { a: 1, b: 2 }, { a: 1 }, {}],
    ['sets what differs, and keeps what others set', { a: 1 }, { a: 1, b: 2 }, { a: 3 }, { a: 3 }],
    ['removes what was applied and is gone', { a: 1, b: 1 }, { a: 1, b: 1, c: 1 }, { a: 1 }, { b: null }],
    ['does not remove what is gone already', { a: 1, b: 1 }, { a: 1 }, { a: 1 }, {}],
    ['removes nothing without a note of the last apply', {}, { a: 1, b: 1 }, { a: 2 }, { a: 2 }],
    [
      'goes into maps',
      { m: { a: 1, b: 1 } },
      { m: { a: 1, b: 1, c: 1 } },
      { m: { a: 2 } },
      { m: { a: 2, b: null } },
    ],
    ['replaces lists as a whole', { l: [1] }, { l: [1, 2] }, { l: [1] }, { l: [1] }],
    ['puts back what others changed', { a: 1 }, { a: 9 }, { a: 1 }, { a: 1 }],
    [
      'keeps labels of others where the file has none any more',
      { labels: { a: '1' } },
      { labels: { a: '1', b: '2' } },
      {},
      { labels: { a: null } },
    ],
    [
      'removes a map that the file has no more',
      { health: { a: 1 } },
      { health: { a: 1, b: 2 } },
      {},
      { health: null },
    ],
    ['makes a map of a value', {}, { a: 1 }, { a: { b: 1 } }, { a: { b: 1 } }],
    ['sets null by removing', {}, { a: 1 }, { a: null }, { a: null }],
  ];
  for (const [name, last, live, next, patch] of cases) {
    it(name, () => expect(threeWay(last, live, next)).to.deep.equal(patch));
  }

  const object = {
    apiVersion: 'mill.dev/v1alpha1',
    kind: 'Node',
    metadata: { name: 'a' },
    spec: { drain: true, address: 'x' },
  } as const;
  const live = (annotations: Record<string, string>, spec: Json) =>
    ({ ...object, metadata: { ...object.metadata, annotations }, spec, status: {} }) as unknown as AnyObject;
  const note = annotate(object).metadata.annotations?.[LAST_APPLIED] ?? '';

  it('sends nothing for a second apply of the same', () => {
    expect(
      applyPatch(live({ [LAST_APPLIED]: note }, { drain: true, address: 'x', removed: false }), object),
    ).to.equal(undefined);
  });

  it('notes what was applied, in an order of its own', () => {
    const turned = { ...object, spec: { address: 'x', drain: true } };
    expect(annotate(turned).metadata.annotations).to.deep.equal({ [LAST_APPLIED]: note });
    expect(note).to.not.include('status');
  });

  it('takes an object that was never applied as it is, and sets only what the file sets', () => {
    const patch = applyPatch(live({ other: '1' }, { drain: false, address: 'x', removed: true }), object);
    expect(patch).to.deep.equal({
      metadata: { annotations: { [LAST_APPLIED]: note } },
      spec: { drain: true },
    });
  });

  it('survives a damaged note', () => {
    const patch = applyPatch(live({ [LAST_APPLIED]: '{"spec":' }, { drain: true, address: 'x' }), object);
    expect(patch).to.deep.equal({ metadata: { annotations: { [LAST_APPLIED]: note } } });
  });

  it('compares JSON whatever the order of keys', () => {
    expect(sameJson({ a: 1, b: [{ c: 1, d: 2 }] }, { b: [{ d: 2, c: 1 }], a: 1 })).to.equal(true);
    expect(sameJson([1, 2], [2, 1])).to.equal(false);
    expect(sameJson({ a: undefined }, {})).to.equal(false);
  });
});
