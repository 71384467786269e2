/** What the parameters, headers and options of a write ask for. */
import { ApiError } from '../../errors.ts';
import { isPlainObject } from '../../validation/plain.ts';
import type { DeleteParameters } from '../verbs/delete.ts';
import type { PatchType } from '../verbs/patch.ts';
import { revisionBehind } from '../verbs/read.ts';
import type { ReadPoint } from '../verbs/read-point.ts';
import { mediaType } from './body.ts';
import { count, type Exchange } from './exchange.ts';

/**
 * How new a read must be, as its parameters say: Kubernetes' `resourceVersion` and `resourceVersionMatch`, a `continue`,
 * and `consistency`.
 * @throws ApiError BadRequest
 */
export function readPoint(query: URLSearchParams): ReadPoint & { readonly exactly?: number } {
  const revision = count(query, 'resourceVersion') ?? 0;
  const page = query.get('continue');
  const match = query.get('resourceVersionMatch') || 'NotOlderThan';
  if (match !== 'NotOlderThan' && match !== 'Exact') {
    throw new ApiError('BadRequest', 'the parameter resourceVersionMatch must be NotOlderThan or Exact');
  }
  if (match === 'Exact' && revision === 0) {
    throw new ApiError('BadRequest', 'resourceVersionMatch=Exact needs a resourceVersion');
  }
  const consistency = query.get('consistency');
  if (consistency !== null && consistency !== 'linearizable') {
    throw new ApiError('BadRequest', 'the parameter consistency must be linearizable, or be left out');
  }
  return {
    atLeast: Math.max(revision, page ? revisionBehind(page) : 0),
    linearizable: consistency === 'linearizable',
    ...(match === 'Exact' ? { exactly: revision } : {}),
  };
}

/** @throws ApiError BadRequest where a parameter asks for what mill does not do */
export function writeParameters(query: URLSearchParams): { dryRun: boolean } {
  const validation = query.get('fieldValidation');
  if (validation && !['Strict', 'Warn', 'Ignore'].includes(validation)) {
    throw new ApiError(
      'BadRequest',
      'the parameter fieldValidation must be Strict, Warn or Ignore; mill is always strict',
    );
  }
  const dryRuns = query.getAll('dryRun').filter((value) => value !== '');
  return { dryRun: isDryRun(dryRuns) };
}

function isDryRun(values: readonly unknown[]): boolean {
  // Taken for a real write, an unknown kind of dry run would change what was meant to stay.
  if (values.some((value) => value !== 'All')) throw new ApiError('BadRequest', 'dryRun must be "All"');
  return values.length > 0;
}

/** @param body a Kubernetes `DeleteOptions`, or nothing @throws ApiError BadRequest */
export function deleteParameters(query: URLSearchParams, body: unknown): DeleteParameters {
  if (body !== undefined && !isPlainObject(body))
    throw new ApiError('BadRequest', 'the body must be a DeleteOptions');
  const { preconditions, propagationPolicy, dryRun, orphanDependents } = body ?? {};
  if (dryRun !== undefined && !Array.isArray(dryRun))
    throw new ApiError('BadRequest', 'dryRun must be a list');
  const policy = propagationPolicy ?? query.get('propagationPolicy') ?? 'Background';
  if (policy !== 'Background' && policy !== 'Foreground' && policy !== 'Orphan') {
    throw new ApiError('BadRequest', 'propagationPolicy must be Background, Foreground or Orphan');
  }
  const { uid, resourceVersion } = isPlainObject(preconditions) ? preconditions : {};
  return {
    dryRun: writeParameters(query).dryRun || isDryRun(dryRun ?? []),
    orphan: policy === 'Orphan' || orphanDependents === true,
    ...(typeof uid === 'string' ? { uid } : {}),
    ...(typeof resourceVersion === 'string' ? { resourceVersion } : {}),
  };
}

const PATCH_TYPES: ReadonlyMap<string, PatchType> = new Map([
  ['application/merge-patch+json', 'merge'],
  ['application/json-patch+json', 'json'],
]);

/** @throws ApiError UnsupportedMediaType */
export function patchType({ request }: Exchange): PatchType {
  const type = PATCH_TYPES.get(mediaType(request));
  if (type) return type;
  const known = [...PATCH_TYPES.keys()].join(' or ');
  throw new ApiError(
    'UnsupportedMediaType',
    `patches of type "${mediaType(request)}" are not supported: send ${known}`,
  );
}
