/** How many objects there are of each kind, as a table. */
import { KIND_NAMES } from '../kind-names.ts';
import type { ObjectCounts } from '../stores.ts';
import { formatTable } from './table.ts';

export function countLines(objects: ObjectCounts): string {
  const rows = Object.entries(objects).map(([kind, count]) => [
    Object.hasOwn(KIND_NAMES, kind) ? KIND_NAMES[kind as keyof ObjectCounts].plural : kind,
    String(count),
  ]);
  return rows.length === 0 ? 'no objects\n' : formatTable(['KIND', 'OBJECTS'], rows);
}
