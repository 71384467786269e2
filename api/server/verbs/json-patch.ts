/** JSON Patch (RFC 6902) by fast-json-patch, with bounds: a patch of few bytes must not grow without limit. */
import fastJsonPatch, { type Operation } from 'fast-json-patch';
import { ApiError, invalid } from '../../errors.ts';
import type { KindName } from '../../kinds/index.ts';
import { isPlainObject, MAX_OBJECT_BYTES, plainBytes, refusePolluting } from '../../validation/plain.ts';

/** Each operation walks the object; a patch by hand has a few, one by a program some dozens. */
const MAX_OPERATIONS = 1_000;

/** @throws ApiError where it is no patch; whether it fits the object is seen when it is applied */
export function checkJsonPatch(kind: KindName, name: string, patch: unknown): readonly Operation[] {
  if (!Array.isArray(patch)) throw refused(kind, name, 'a JSON patch must be a list of operations');
  if (patch.length > MAX_OPERATIONS) {
    throw new ApiError(
      'RequestEntityTooLarge',
      `a JSON patch must have at most ${MAX_OPERATIONS} operations`,
    );
  }
  for (const operation of patch) {
    for (const pointer of isPlainObject(operation) ? [operation.path, operation.from] : []) {
      if (typeof pointer === 'string')
        for (const key of pointer.split('/')) refusePolluting(key, 'the patch');
    }
  }
  const error = fastJsonPatch.validate(patch);
  if (error) throw refused(kind, name, `the JSON patch is not valid: ${firstLine(error)}`);
  return patch;
}

/** @throws ApiError Invalid where a path is not there or a `test` fails */
export function applyJsonPatch(
  kind: KindName,
  name: string,
  document: unknown,
  operations: readonly Operation[],
): unknown {
  let result: unknown = structuredClone(document);
  let copiedBytes = 0;
  for (const [index, operation] of operations.entries()) {
    if (operation.op === 'copy') {
      // Copies of copies double the object each time.
      copiedBytes += plainBytes(valueAt(result, operation.from), 'what the patch copies');
      if (copiedBytes > MAX_OBJECT_BYTES)
        throw new ApiError('RequestEntityTooLarge', 'the patch copies too much');
    }
    try {
      // A deep copy of each operation's value: a patch is applied again where a commit is decided again.
      result = fastJsonPatch.applyOperation(
        result,
        structuredClone(operation),
        true,
        true,
        true,
        index,
      ).newDocument;
    } catch (error) {
      const reason = error instanceof Error ? firstLine(error) : String(error);
      throw refused(
        kind,
        name,
        `operation ${index} of the JSON patch (${operation.op} ${operation.path}): ${reason}`,
      );
    }
  }
  return result;
}

function valueAt(document: unknown, pointer: string): unknown {
  let value = document;
  for (const token of pointer.split('/').slice(1)) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return null;
    value = Reflect.get(value, key);
  }
  return value;
}

const refused = (kind: KindName, name: string, message: string): ApiError =>
  invalid(kind, name, [{ field: '', message }]);

/** The library's messages carry the whole object below their first line. */
const firstLine = (error: Error): string => error.message.split('\n')[0] ?? '';
