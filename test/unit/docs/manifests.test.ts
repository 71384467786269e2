/** The manifests that people copy are what the API takes. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { parseAllDocuments } from 'yaml';
import { findKind } from '../../../api/kinds/index.ts';
import { checkObject } from '../../../api/validation/object.ts';

const MANIFESTS = fileURLToPath(new URL('../../../manifests', import.meta.url));
const README = fileURLToPath(new URL('../../../README.md', import.meta.url));
const FILES = readdirSync(MANIFESTS, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.yaml'),
);

describe('manifests/', () => {
  for (const file of FILES) {
    it(`has valid objects in ${file}`, () => expectValid(readFileSync(join(MANIFESTS, file), 'utf8')));
  }
});

describe('README.md', () => {
  it('has valid objects in its examples', () => {
    const examples = [...readFileSync(README, 'utf8').matchAll(/```yaml\n([\s\S]*?)```/g)];
    expect(examples).not.to.be.empty;
    for (const [, text = ''] of examples) expectValid(text);
  });
});

/** @throws ApiError where the API would not take it */
function expectValid(text: string): void {
  const documents = parseAllDocuments(text);
  expect(documents).not.to.be.empty;
  for (const document of documents) {
    const object = document.toJS() as { kind: string };
    const kind = findKind(object.kind);
    if (!kind) throw new Error(`there is no kind ${object.kind}`);
    checkObject(kind, object, ['metadata', 'spec']);
  }
}
