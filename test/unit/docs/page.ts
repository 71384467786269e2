/** Reading a page of the documentation. */

/** The tables under a heading of the second level: rows of cells, without their heads. */
export function tablesUnder(page: string, heading: string): string[][][] {
  const [, after = ''] = page.split(`\n## ${heading}\n`);
  const [section = ''] = after.split(/\n## /);
  return section
    .split(/\n\n+/)
    .filter((block) => block.trimStart().startsWith('|'))
    .map((block) => block.trim().split('\n').slice(2).map(cellsOf));
}

const cellsOf = (row: string): string[] =>
  row
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
