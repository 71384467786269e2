/** docs/backup.md lists what `mill verify` checks, in the words of the code. */
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { STATE_CHECKS } from '../../../api/audit/audit.ts';
import { tablesUnder } from './page.ts';

const page = readFileSync(new URL('../../../docs/backup.md', import.meta.url), 'utf8');

describe('docs/backup.md', () => {
  it('has every check of a state, in the order and the words of the code', () => {
    const [table = []] = tablesUnder(page, 'What is checked');
    expect(table.map(([says]) => says)).to.deep.equal(STATE_CHECKS.map(({ says }) => says));
  });
});
