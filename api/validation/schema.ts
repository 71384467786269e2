/** Checks objects against their kind's JSON Schemas, with defaults filled in; compiled at the first use of each. */
import { Ajv, type ValidateFunction } from 'ajv';
import type { StatusCause } from '../errors.ts';
import { type KindName, kindDefinition } from '../kinds/index.ts';
import { ObjectMeta } from '../meta.ts';
import { causesOf } from './causes.ts';
import type { PlainObject } from './plain.ts';

/** The parts of an object that are checked on their own: a report of status leaves the spec alone. */
export type Part = 'metadata' | 'spec' | 'status';

let compiler: Ajv | undefined;
const validators = new Map<string, ValidateFunction>();

/**
 * Checks one part and fills in its defaults, changing `object`.
 * @returns what is wrong, with paths from the object's root; empty where all is well
 */
export function checkPart(kind: KindName, part: Part, object: PlainObject): StatusCause[] {
  const validate = validatorOf(kind, part);
  return validate(object) ? [] : causesOf(validate.errors ?? []);
}

function validatorOf(kind: KindName, part: Part): ValidateFunction {
  // All kinds share the schema of metadata.
  const key = part === 'metadata' ? part : `${kind}/${part}`;
  let validate = validators.get(key);
  if (!validate) {
    compiler ??= new Ajv({ allErrors: true, useDefaults: true, allowUnionTypes: true, verbose: true });
    const schema = part === 'metadata' ? ObjectMeta : kindDefinition(kind)[part];
    // The part stands under its name, so that paths begin at the object's root and its own default is applied.
    validate = compiler.compile({ type: 'object', properties: { [part]: schema }, required: [part] });
    validators.set(key, validate);
  }
  return validate;
}
