/** Every field says what it means, in its schema, and docs/objects.md repeats it. */
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { fieldsOf, type Schema, undescribed } from '../../../api/kinds/fields.ts';
import { KIND_NAMES, kindDefinition } from '../../../api/kinds/index.ts';
import { withFields } from '../../../hack/objects-page.ts';

const page = readFileSync(new URL('../../../docs/objects.md', import.meta.url), 'utf8');
const PARTS = ['spec', 'status'] as const;

describe('the fields of the kinds', () => {
  for (const kind of KIND_NAMES) {
    for (const part of PARTS) {
      const schema = kindDefinition(kind)[part] as Schema;

      it(`say what they mean: ${kind}.${part}`, () => {
        expect(undescribed(schema)).to.deep.equal([]);
      });

      it(`say it in one phrase that fits a table: ${kind}.${part}`, () => {
        const misfits = meaningsOf(schema).filter((text) => /\.$|[|\n]|^\s/.test(text));
        expect(misfits).to.deep.equal([]);
      });
    }
  }

  it('are found where they say nothing, in objects and in lists', () => {
    const silent: Schema = { type: 'integer' };
    const list: Schema = { description: 'a list', items: { properties: { port: silent } } };
    const schema: Schema = { properties: { silent, list, said: { description: 'said' } } };
    expect(undescribed(schema)).to.deep.equal(['silent', 'list[].port']);
  });
});

describe('docs/objects.md', () => {
  it('has the fields of the schemas, and nothing by hand', () => {
    expect(withFields(page)).to.deep.equal({ page, undescribed: [] });
  });

  it('loses what somebody writes into a table', () => {
    const edited = page.replace('time from SIGTERM to SIGKILL', 'something else');
    expect(edited).not.to.equal(page);
    expect(withFields(edited).page).to.equal(page);
  });

  it('has tables of what has a schema only', () => {
    const block = page.replace('fields of Node.spec', 'fields of Nodes.spec');
    expect(() => withFields(block)).to.throw('no schema "Nodes.spec"');
  });
});

const meaningsOf = (schema: Schema): string[] =>
  fieldsOf(schema).flatMap(({ schema: field }) => [field.description ?? '', ...meaningsOf(field)]);
