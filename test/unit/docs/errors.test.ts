/** docs/errors.md says all that the code can say, and nothing else. */
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { EXIT } from '../../../api/cli/exit.ts';
import { STATUS_CODES } from '../../../api/errors.ts';
import { ALLOC_REASONS, STOP_REASONS } from '../../../api/kinds/alloc.ts';
import { MIGRATION_FAILURES } from '../../../api/kinds/migration.ts';
import { NODE_CONDITIONS, NODE_REASONS } from '../../../api/kinds/node.ts';
import { SERVICE_CONDITIONS, SERVICE_REASONS } from '../../../api/kinds/service.ts';
import { RULES } from '../../../api/rules/index.ts';
import { tablesUnder } from './page.ts';

const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
const firstColumns = (heading: string): string[][] =>
  tablesUnder(page, heading).map((table) => table.map(([first = '']) => first.replaceAll('`', '')));

describe('docs/errors.md', () => {
  it('has every exit code of the command line', () => {
    expect(firstColumns('Exit codes')).to.deep.equal([Object.values(EXIT).map(String)]);
  });

  it('has every reason of the API, with its status code', () => {
    const [table = []] = tablesUnder(page, 'Reasons of the API');
    const listed = table.map(([reason = '', code]) => [reason.replaceAll('`', ''), Number(code)]);
    expect(listed).to.have.deep.members(Object.entries(STATUS_CODES));
  });

  it('has every rule, in the words of the code, with its kind', () => {
    const [table = []] = tablesUnder(page, 'Rules');
    expect(table.map(([says, kind]) => [says, kind])).to.have.deep.members(
      RULES.map(({ says, kind }) => [says, kind]),
    );
  });

  const lists: readonly (readonly [string, ...(readonly string[])[]])[] = [
    ['Why a migration failed', MIGRATION_FAILURES],
    ['How an alloc ended, or why it does not get on', ALLOC_REASONS],
    ['Why mill stops an alloc', STOP_REASONS],
    ['Conditions of a node', NODE_CONDITIONS, NODE_REASONS],
    ['Conditions of a service', SERVICE_CONDITIONS, SERVICE_REASONS],
  ];
  for (const [heading, ...expected] of lists) {
    it(`has under "${heading}" what the code has`, () => {
      const tables = firstColumns(heading);
      expect(tables).to.have.length(expected.length);
      for (const [index, words] of expected.entries()) expect(tables[index]).to.have.members([...words]);
    });
  }
});
