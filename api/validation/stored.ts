/** Checks an object as a store or a backup has it: whole, with all that the server sets. */
import type { StatusCause } from '../errors.ts';
import type { AnyObject, KindName } from '../kinds/index.ts';
import { API_VERSION } from '../meta.ts';
import { isPlainObject, type PlainObject, plainBytes } from './plain.ts';
import { checkPart, type Part } from './schema.ts';
import { checkWorkload } from './workload.ts';

const PARTS: readonly Part[] = ['metadata', 'spec', 'status'];
const FIELDS: readonly string[] = ['apiVersion', 'kind', ...PARTS];
/** Set by the server on every object. */
const SET_METADATA = ['uid', 'resourceVersion', 'generation', 'creationTimestamp'] as const;
const RESOURCE_VERSION = /^[1-9]\d{0,15}$/;

export interface StoredCheck {
  /** The value, with the defaults of fields that came after it was written. An object of the kind where nothing is wrong. */
  readonly object: AnyObject;
  /** What is wrong, with paths from the object's root. */
  readonly causes: readonly StatusCause[];
}

/**
 * @param value parsed JSON of the caller's own: it is changed
 * @param revision of the store; no object is of a later one
 */
export function checkStored(kind: KindName, value: object, revision: number): StoredCheck {
  const stored = value as PlainObject;
  return { object: value as AnyObject, causes: causesOf(kind, stored, revision) };
}

function causesOf(kind: KindName, stored: PlainObject, revision: number): StatusCause[] {
  const causes: StatusCause[] = [];
  for (const field of Object.keys(stored)) {
    if (!FIELDS.includes(field)) causes.push({ field, message: 'unknown field' });
  }
  if (stored.apiVersion !== API_VERSION) {
    causes.push({ field: 'apiVersion', message: `must be "${API_VERSION}"` });
  }
  for (const part of PARTS) causes.push(...partCauses(kind, part, stored));
  if (causes.length > 0) return causes;
  return [...metadataCauses(stored.metadata, revision), ...checkWorkload(kind, stored.spec)];
}

/** Within bounds first: what is nested without end must not come to the schema. */
function partCauses(kind: KindName, part: Part, stored: PlainObject): StatusCause[] {
  try {
    plainBytes(stored[part] ?? null, part);
  } catch (error) {
    return [{ field: part, message: error instanceof Error ? error.message : String(error) }];
  }
  return checkPart(kind, part, stored);
}

function metadataCauses(metadata: unknown, revision: number): StatusCause[] {
  const set = isPlainObject(metadata) ? metadata : {};
  const missing = SET_METADATA.filter((field) => set[field] === undefined || set[field] === '');
  if (missing.length > 0) {
    return missing.map((field) => ({ field: `metadata.${field}`, message: 'is required' }));
  }
  const version = String(set.resourceVersion);
  if (RESOURCE_VERSION.test(version) && Number(version) <= revision) return [];
  const message = `must be a revision up to ${revision} (got "${version.slice(0, 32)}")`;
  return [{ field: 'metadata.resourceVersion', message }];
}
