/** Where a field stands in its text. */
import type { Document, LineCounter } from 'yaml';
import { isRecord } from './bounds.ts';

/** `spec.ports[0].name` → its steps; a key with a dot in it is not found, and then no line is named. */
export const fieldPath = (field: string): (string | number)[] =>
  [...field.matchAll(/\[(\d+)\]|\["([^"]*)"\]|([^.[\]]+)/g)].map(([, index, quoted, key]) =>
    index === undefined ? (quoted ?? key ?? '') : Number(index),
  );

/** Line of the field, or of the closest one above it that stands in the text. */
export function lineOf(
  document: Document,
  path: readonly (string | number)[],
  lines: LineCounter,
): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const node: unknown = document.getIn(path.slice(0, length), true);
    const range = isRecord(node) ? node.range : undefined;
    if (Array.isArray(range) && typeof range[0] === 'number') return lines.linePos(range[0]).line;
  }
  return undefined;
}
