/** Equality of plain JSON values, whatever the order of their keys; `undefined` is the same as absent. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((value, index) => sameJson(value, b[index]));
  }
  return within(a, b) && within(b, a);
}

/** True where all that `a` says, `b` says as well. */
function within(a: object, b: object): boolean {
  const other = b as Record<string, unknown>;
  return Object.entries(a).every(([key, value]) =>
    value === undefined ? other[key] === undefined : sameJson(value, other[key]),
  );
}
