/** From what a client wrote to an object of its kind: taken over, checked, defaults filled in. */
import { ApiError, invalid, type StatusCause } from '../errors.ts';
import type { KindName } from '../kinds/index.ts';
import { API_VERSION, type WrittenMeta } from '../meta.ts';
import { copyPlain, isPlainObject, type PlainObject } from './plain.ts';
import { checkPart, type Part } from './schema.ts';
import { closest } from './spelling.ts';
import { checkWorkload } from './workload.ts';

/** An object whose parts asked for are of the kind's schema; it belongs to the caller. */
export interface Checked {
  readonly kind: KindName;
  readonly metadata: WrittenMeta;
  readonly spec: unknown;
  readonly status: unknown;
}

const FIELDS = ['apiVersion', 'kind', 'metadata', 'spec', 'status'];

/**
 * Checks a whole object as a client wrote it.
 * @param kind what the caller expects it to be
 * @param parts which parts are checked and given defaults; the others are taken as they are
 * @throws ApiError Invalid with all that is wrong, BadRequest where it is no object of this kind
 */
export function checkObject(kind: KindName, written: unknown, parts: readonly Part[]): Checked {
  const object = takeOver(kind, written);
  const causes: StatusCause[] = [];
  for (const field of Object.keys(object)) {
    if (FIELDS.includes(field)) continue;
    const meant = closest(field, FIELDS);
    causes.push({ field, message: `unknown field${meant ? `; did you mean "${meant}"?` : ''}` });
  }
  for (const part of parts) causes.push(...checkPart(kind, part, object));
  if (causes.length === 0 && parts.includes('spec')) causes.push(...checkWorkload(kind, object.spec));
  if (causes.length) throw invalid(kind, nameOf(object), causes);
  // The metadata's schema was checked just now, or the caller looks at its name and revision only.
  return {
    kind,
    metadata: object.metadata as unknown as WrittenMeta,
    spec: object.spec,
    status: object.status,
  };
}

function takeOver(kind: KindName, written: unknown): PlainObject {
  if (!isPlainObject(written)) throw new ApiError('BadRequest', `a ${kind} must be an object`);
  const object = copyPlain(written, 'the object');
  if (!isPlainObject(object)) throw new ApiError('BadRequest', `a ${kind} must be an object`);
  if (object.apiVersion !== undefined && object.apiVersion !== API_VERSION) {
    throw new ApiError(
      'BadRequest',
      `apiVersion must be "${API_VERSION}" (got ${JSON.stringify(object.apiVersion)})`,
    );
  }
  if (object.kind !== undefined && object.kind !== kind) {
    throw new ApiError('BadRequest', `kind must be "${kind}" here (got ${JSON.stringify(object.kind)})`);
  }
  if (!isPlainObject(object.metadata) || typeof object.metadata.name !== 'string') {
    throw invalid(kind, '', [
      { field: 'metadata.name', message: 'is required', reason: 'FieldValueRequired' },
    ]);
  }
  return { ...object };
}

function nameOf(object: PlainObject): string {
  const { metadata } = object;
  return isPlainObject(metadata) && typeof metadata.name === 'string' ? metadata.name : '';
}
