/** Reading objects by what the command line names: kinds, names, selectors. */
import type { Client, ListOptions, ListResult } from '../client/client.ts';
import type { AnyObject, KindName, ObjectOf } from '../kinds/index.ts';
import type { Connection } from './connection.ts';
import type { Table } from './output/table.ts';

/** Objects of one page: a long list comes in parts, so that none holds the server up. */
const PAGE_SIZE = 500;

export interface Selection {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/** What to read, and how new it must be. */
export type Reading = Selection & Pick<ListOptions, 'consistency'>;

/** What `-l` and `--field-selector` say. */
export interface SelectorFlags {
  readonly selector?: string;
  readonly fieldSelector?: string;
}

export const selectionOf = ({ selector, fieldSelector }: SelectorFlags): Selection => ({
  ...(selector ? { labelSelector: selector } : {}),
  ...(fieldSelector ? { fieldSelector } : {}),
});

/** All objects of a selection, page by page; the revision is the first page's. */
export async function listAll<K extends KindName>(
  client: Client,
  kind: K,
  selection: Reading = {},
): Promise<{ items: ObjectOf<K>[]; resourceVersion: string }> {
  const items: ObjectOf<K>[] = [];
  let page: ListResult<K> = await client.list(kind, { ...selection, limit: PAGE_SIZE });
  const { resourceVersion } = page;
  items.push(...page.items);
  while (page.continue) {
    page = await client.list(kind, { ...selection, limit: PAGE_SIZE, continue: page.continue });
    items.push(...page.items);
  }
  return { items, resourceVersion };
}

/** The server's table of a selection, all pages of it. */
export async function fullTable(connection: Connection, kind: KindName, selection: Reading): Promise<Table> {
  const options: ListOptions = { ...selection, limit: PAGE_SIZE };
  const first = await connection.getTable(kind, undefined, options);
  const rows = [...first.rows];
  for (let next = first.metadata?.continue; next; ) {
    const page = await connection.getTable(kind, undefined, { ...options, continue: next });
    rows.push(...page.rows);
    next = page.metadata?.continue;
  }
  return { ...first, rows };
}

/** An object without what only mill writes and reads. */
export function withoutNoise(object: AnyObject): object {
  const { managedFields: _managed, annotations, ...metadata } = object.metadata;
  const shown = Object.entries(annotations ?? {}).filter(([key]) => key !== 'mill.dev/last-applied');
  return {
    ...object,
    metadata: { ...metadata, ...(shown.length > 0 ? { annotations: Object.fromEntries(shown) } : {}) },
  };
}
