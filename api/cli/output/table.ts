/** Tables: the server's (`meta.k8s.io/v1` Table) and the command line's own, padded for people. */

/** What the server prints of objects (Kubernetes `metav1.Table`). */
export interface Table {
  readonly columnDefinitions: readonly {
    readonly name: string;
    /** Above 0: shown with `-o wide` only. */
    readonly priority?: number;
  }[];
  readonly rows: readonly TableRow[];
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
}
interface TableRow {
  readonly cells: readonly unknown[];
  readonly object?: { readonly metadata?: { readonly name?: string } };
}

const GAP = '   ';
/** Control characters in data could move the cursor or fake lines on the reader's terminal (ESC sequences). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f]/g;

/** Head and rows of a server's table; `prefix` (`node/`) goes before the name where several kinds are shown. */
export function tableCells(table: Table, options: { wide: boolean; prefix?: string }) {
  const shown = table.columnDefinitions
    .map((column, index) => ({ column, index }))
    .filter(({ column }) => options.wide || (column.priority ?? 0) === 0);
  return {
    head: shown.map(({ column }) => column.name.toUpperCase()),
    rows: table.rows.map((row) =>
      shown.map(({ index }, position) => {
        const text = cellText(row.cells[index]);
        return position === 0 ? `${options.prefix ?? ''}${text}` : text;
      }),
    ),
  };
}

/** Lines of a table; the last column is not padded. Cells are made safe for a terminal. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return formatRows(head, rows, widthsOf([head, ...rows]));
}

/** Width of each column, in characters. */
export function widthsOf(rows: readonly (readonly string[])[]): number[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) {
      widths[index] = Math.max(widths[index] ?? 0, safeText(cell).length);
    }
  }
  return widths;
}

/** As `formatTable`, with columns at least that wide: rows that come one by one stay in line with their head. */
export function formatRows(
  head: readonly string[] | undefined,
  rows: readonly (readonly string[])[],
  widths: readonly number[],
): string {
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, index) =>
        index === cells.length - 1 ? safeText(cell) : safeText(cell).padEnd(widths[index] ?? 0),
      )
      .join(GAP)
      .trimEnd();
  return [...(head ? [head] : []), ...rows].map((cells) => `${line(cells)}\n`).join('');
}

/** Text from an object, fit to be one line on a terminal. */
export const safeText = (text: string): string => text.replace(CONTROL_CHARACTERS, ' ');

const cellText = (cell: unknown): string =>
  cell === undefined || cell === null || cell === ''
    ? '-'
    : typeof cell === 'object'
      ? JSON.stringify(cell)
      : String(cell);
