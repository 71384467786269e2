/**
 * Takes over a value that came from outside: a bounded deep copy that is plain JSON and nothing else.
 * Every other step of a write may then rely on it, and may change it freely.
 */
import { ApiError } from '../errors.ts';

/** Largest object, as JSON. Every server keeps all objects in memory, and one commit carries several. */
export const MAX_OBJECT_BYTES = 1_048_576;
/** No kind nests deeper than about 10; recursion over what was accepted stays far from the stack's end. */
export const MAX_DEPTH = 64;
/** Fields and elements of one object in all; a small body may still hold very many. */
export const MAX_VALUES = 50_000;

/** What a number, a literal, quotes or a comma may take at most, in bytes; the bound need not be exact. */
const SCALAR_BYTES = 8;

export type Plain = null | boolean | number | string | Plain[] | { [key: string]: Plain };
export type PlainObject = { [key: string]: Plain };

export const isPlainObject = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

interface Budget {
  bytes: number;
  values: number;
}

/**
 * Copies a JSON value; fields that are `undefined` are left out.
 * @param what names the value in errors: `the object`, `the patch`
 * @throws ApiError RequestEntityTooLarge where it is too large, BadRequest where it is too deep or no plain JSON
 */
export function copyPlain(value: unknown, what: string): Plain {
  return copy(value, what, 0, { bytes: MAX_OBJECT_BYTES, values: MAX_VALUES });
}

/** The size of a JSON value in bytes, roughly. @throws like `copyPlain` */
export function plainBytes(value: unknown, what: string): number {
  const budget = { bytes: MAX_OBJECT_BYTES, values: MAX_VALUES };
  copy(value, what, 0, budget);
  return MAX_OBJECT_BYTES - budget.bytes;
}

function copy(value: unknown, what: string, depth: number, budget: Budget): Plain {
  spend(budget, typeof value === 'string' ? Buffer.byteLength(value) + 2 : SCALAR_BYTES, what);
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return value;
    throw new ApiError('BadRequest', `${what} holds ${value}, which is not a JSON number`);
  }
  if (typeof value !== 'object') {
    throw new ApiError('BadRequest', `${what} holds a ${typeof value}, which is not JSON`);
  }
  if (depth >= MAX_DEPTH)
    throw new ApiError('BadRequest', `${what} is nested deeper than ${MAX_DEPTH} levels`);
  if (Array.isArray(value)) {
    return value.map((element) => copy(element === undefined ? null : element, what, depth + 1, budget));
  }
  const result: PlainObject = {};
  for (const key of Object.keys(value)) {
    const element: unknown = (value as { readonly [key: string]: unknown })[key];
    if (element === undefined) continue;
    refusePolluting(key, what);
    spend(budget, Buffer.byteLength(key) + 3, what);
    result[key] = copy(element, what, depth + 1, budget);
  }
  return result;
}

/** @throws ApiError BadRequest for the key that would reach into JavaScript's own objects */
export function refusePolluting(key: string, what: string): void {
  if (key === '__proto__')
    throw new ApiError('BadRequest', `${what} has a field "__proto__", which is refused`);
}

function spend(budget: Budget, bytes: number, what: string): void {
  budget.bytes -= bytes;
  budget.values -= 1;
  if (budget.bytes < 0) {
    throw new ApiError('RequestEntityTooLarge', `${what} is larger than ${MAX_OBJECT_BYTES} bytes`);
  }
  if (budget.values < 0) {
    throw new ApiError('RequestEntityTooLarge', `${what} has more than ${MAX_VALUES} fields and elements`);
  }
}
