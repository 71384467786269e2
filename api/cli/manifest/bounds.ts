/** Bounds for what people, or others, hand to `-f`: text that no object needs is refused before it does harm. */
/** Most brackets open at a time, and most list marks on a line: a parser gets slow long before it gives up. */
const MAX_OPEN_BRACKETS = 1_000;
const ENDLESS_LIST = /(?:[-?] ){200}/;
/** Deepest nesting: the deepest field of a kind is at 8. */
const MAX_DEPTH = 64;

/** True where a text is nested so deep that reading it would take the parser very long. */
export const isNestedTooDeep = (text: string): boolean =>
  openBrackets(text) > MAX_OPEN_BRACKETS || ENDLESS_LIST.test(text);

/** What JSON cannot say, or what could reach into JavaScript's own objects; undefined where all is well. */
export function findUnfit(value: unknown, path = '', depth = 0): string | undefined {
  if (depth > MAX_DEPTH) return `${path}: nested too deep`;
  if (typeof value === 'number' && !Number.isFinite(value)) return `${path}: ${value} is not a number here`;
  if (typeof value === 'bigint') return `${path}: the number is too large`;
  if (typeof value !== 'object' || value === null) return undefined;
  if (!Array.isArray(value) && !isRecord(value)) return `${path}: neither a map, a list nor a plain value`;
  for (const [key, below] of Object.entries(value)) {
    if (key === '__proto__') return `${path}: "__proto__" is not a field`;
    const at = Array.isArray(value) ? `${path}[${key}]` : path ? `${path}.${key}` : key;
    const found = findUnfit(below, at, depth + 1);
    if (found) return found;
  }
  return undefined;
}

/** Most brackets that are open at a time; those in texts count as well, which the bound leaves room for. */
function openBrackets(text: string): number {
  let open = 0;
  let most = 0;
  for (const character of text) {
    if (character === '[' || character === '{') most = Math.max(most, ++open);
    else if (character === ']' || character === '}') open = Math.max(0, open - 1);
  }
  return most;
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof Map) &&
  !(value instanceof Set);
