/** Turns ajv's errors into sentences for people: the path, what is wrong, what was found, what was meant. */
import type { ErrorObject } from 'ajv';
import type { StatusCause } from '../errors.ts';
import { closest } from './spelling.ts';

/** A broken object may break a rule a thousand times over; nobody reads more than these. */
const MAX_CAUSES = 32;
/** How much of a wrong value an error repeats, in characters. */
const MAX_SHOWN = 64;

/** Keywords that only repeat what an error deeper down says precisely. */
const COMPOSITE = new Set(['anyOf', 'oneOf', 'allOf', 'if', 'not', 'propertyNames']);

/** Causes in the order of the object, without duplicates. */
export function causesOf(errors: readonly ErrorObject[]): StatusCause[] {
  const precise = errors.filter((error) => !COMPOSITE.has(error.keyword));
  const causes = new Map<string, StatusCause>();
  for (const error of precise.length ? precise : errors) {
    const cause = causeOf(error);
    // One cause a field is enough: a value of the wrong type also misses the pattern, the enum, the range.
    if (!causes.has(cause.field)) causes.set(cause.field, cause);
    if (causes.size === MAX_CAUSES) break;
  }
  return [...causes.values()];
}

function causeOf(error: ErrorObject): StatusCause {
  const path = fieldPath(error.instancePath);
  const params: Readonly<Record<string, unknown>> = error.params;
  if (error.keyword === 'additionalProperties') return unknownField(path, error);
  if (error.keyword === 'required') {
    return {
      field: join(path, String(params.missingProperty)),
      message: 'is required',
      reason: 'FieldValueRequired',
    };
  }
  return { field: path, message: sentence(error, params), reason: 'FieldValueInvalid' };
}

function sentence(error: ErrorObject, params: Readonly<Record<string, unknown>>): string {
  const { limit } = params;
  const got = `(got ${show(error.data)})`;
  switch (error.keyword) {
    case 'type':
      return `must be ${typeWords(params.type)} ${got}`;
    case 'enum':
      return enumSentence(params.allowedValues, error.data, got);
    case 'minimum':
      return `must be ≥ ${limit} ${got}`;
    case 'maximum':
      return `must be ≤ ${limit} ${got}`;
    case 'minLength':
      return limit === 1 ? 'must not be empty' : `must have at least ${limit} characters`;
    case 'maxLength':
      return `must have at most ${limit} characters`;
    case 'minItems':
      return `must have at least ${limit} ${limit === 1 ? 'element' : 'elements'}`;
    case 'maxItems':
      return `must have at most ${limit} elements`;
    case 'maxProperties':
      return `must have at most ${limit} fields`;
    case 'pattern':
      return patternSentence(error, got);
    default:
      return `${error.message ?? 'is not valid'} ${got}`;
  }
}

function enumSentence(allowed: unknown, data: unknown, got: string): string {
  const values = Array.isArray(allowed) ? allowed.map(String) : [];
  const meant = typeof data === 'string' ? closest(data, values) : undefined;
  return `must be one of ${values.join(', ')} ${got}${meant === undefined ? '' : `; did you mean "${meant}"?`}`;
}

function patternSentence(error: ErrorObject, got: string): string {
  const title: unknown = error.parentSchema?.title;
  if (typeof title === 'string') return `must be ${title} ${got}`;
  if (error.instancePath === '/metadata/name') {
    return `must be lower-case letters, digits, "-" and ".", and begin and end with a letter or digit ${got}`;
  }
  return `must match ${String(error.params.pattern)} ${got}`;
}

function unknownField(path: string, error: ErrorObject): StatusCause {
  const name = String(error.params.additionalProperty);
  const { properties, patternProperties } = error.parentSchema ?? {};
  const field = join(path, name);
  if (patternProperties && !properties) {
    return { field, message: `${show(name)} is not allowed as a key here`, reason: 'FieldValueInvalid' };
  }
  const meant = closest(name, Object.keys(properties ?? {}));
  const hint = meant === undefined ? '' : `; did you mean "${meant}"?`;
  return { field, message: `unknown field${hint}`, reason: 'FieldValueNotSupported' };
}

/** `/spec/ports/0/name` → `spec.ports[0].name`. */
function fieldPath(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((path, token) => (/^\d+$/.test(token) ? `${path}[${token}]` : join(path, token)), '');
}

function join(path: string, field: string): string {
  const shown = field.length > MAX_SHOWN ? `${field.slice(0, MAX_SHOWN)}…` : field;
  if (!/^[A-Za-z_$][\w$]*$/.test(shown)) return `${path}[${JSON.stringify(shown)}]`;
  return path ? `${path}.${shown}` : shown;
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'a string',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
};

function typeWords(type: unknown): string {
  const types = Array.isArray(type) ? type.map(String) : [String(type)];
  return types.map((name) => TYPE_WORDS[name] ?? name).join(' or ');
}

function show(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
