/**
 * Writes the fields of every kind into docs/objects.md, between markers; the prose around them is kept. `--check` changes
 * nothing and fails where the page is stale, or a field does not say what it means.
 *   npx tsx hack/reference.ts
 */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { withFields } from './objects-page.ts';

const PAGE = fileURLToPath(new URL('../docs/objects.md', import.meta.url));

const before = await readFile(PAGE, 'utf8');
const { page: after, undescribed } = withFields(before);
const isCheck = process.argv.includes('--check');
if (!isCheck && before !== after) await writeFile(PAGE, after);
for (const field of undescribed) console.log(`the schema of ${field} has no description`);
if (before !== after)
  console.log(isCheck ? 'stale: docs/objects.md (run "npm run reference")' : 'wrote docs/objects.md');
if (undescribed.length > 0 || (isCheck && before !== after)) process.exitCode = 1;
