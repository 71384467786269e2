/**
 * Three-way merge, as kubectl applies custom resources: what was applied last, what is there, what is asked for
 * now → a JSON merge patch (RFC 7386). Fields that others set stay.
 */
import type { Written } from '../../client/client.ts';
import type { AnyObject } from '../../kinds/index.ts';

export const LAST_APPLIED = 'mill.dev/last-applied';

type Json = Readonly<Record<string, unknown>>;

/** The object with the annotation that the next apply compares with. */
export function annotate(object: Written): Written {
  const annotations = { ...(object.metadata.annotations ?? {}), [LAST_APPLIED]: canonical(object) };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

/** The merge patch from what is there to what is asked for; undefined where there is nothing to change. */
export function applyPatch(live: AnyObject, next: Written): Json | undefined {
  const last = lastApplied(live);
  const { kind: _kind, apiVersion: _apiVersion, ...wanted } = annotate(next);
  const patch = threeWay(last, live as unknown as Json, wanted as unknown as Json);
  return Object.keys(patch).length === 0 ? undefined : patch;
}

/** What the last apply asked for; empty where there was none, or where its note is damaged. */
function lastApplied(live: AnyObject): Json {
  const text = live.metadata.annotations?.[LAST_APPLIED];
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

/**
 * @param last what the last apply set
 * @param live what is there
 * @param next what is asked for
 */
export function threeWay(last: Json, live: Json, next: Json): Json {
  const patch: Record<string, unknown> = {};
  for (const [key, wanted] of Object.entries(next)) {
    const there = live[key];
    if (wanted === undefined) continue;
    if (isObject(wanted) && isObject(there)) {
      const below = threeWay(isObject(last[key]) ? last[key] : {}, there, wanted);
      if (Object.keys(below).length > 0) patch[key] = below;
    } else if (wanted === null ? there !== undefined : !sameJson(wanted, there)) {
      patch[key] = wanted;
    }
  }
  for (const key of Object.keys(last)) {
    // Identity and type are not fields that can go.
    if (key === 'apiVersion' || key === 'kind' || Object.hasOwn(next, key) || !Object.hasOwn(live, key))
      continue;
    patch[key] = SHARED_MAPS.includes(key) ? removeSet(last[key], live[key]) : null;
  }
  return patch;
}

/** Many write into these: where one is left out altogether, only what the last apply set in it goes. */
const SHARED_MAPS = ['metadata', 'spec', 'labels', 'annotations'];

const removeSet = (last: unknown, live: unknown): unknown =>
  isObject(last) && isObject(live) ? threeWay(last, live, {}) : null;

/** True where two values are the same JSON, whatever the order of their keys. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((value, index) => sameJson(value, b[index]))
    );
  }
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && sameJson(a[key], b[key]))
  );
}

/** True where a write changed nothing that an operator could have asked for. */
export const sameIntent = (before: AnyObject, after: AnyObject): boolean =>
  sameJson(intent(before), intent(after));

const intent = ({ metadata, spec }: AnyObject) => ({
  spec,
  labels: metadata.labels ?? {},
  annotations: metadata.annotations ?? {},
  finalizers: metadata.finalizers ?? [],
  ownerReferences: metadata.ownerReferences ?? [],
});

/** JSON with its keys in order: the same request gives the same text, however its file is arranged. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, below: unknown) =>
    isObject(below) ? Object.fromEntries(Object.entries(below).sort(([a], [b]) => (a < b ? -1 : 1))) : below,
  );

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
