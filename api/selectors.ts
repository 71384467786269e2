/** Label and field selectors, as Kubernetes writes them, as predicates on objects. */
import { ApiError } from './errors.ts';
import { type AnyObject, type KindName, kindDefinition } from './kinds/index.ts';

/** Longest selector, in characters; it travels in a URL. */
const MAX_SELECTOR_LENGTH = 8_192;

export interface Selection {
  matches(object: AnyObject): boolean;
  /** The one name that can match, where the selector names it. */
  readonly name?: string;
  /** True where every object matches. */
  readonly everything: boolean;
}

export interface Selectors {
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

/** @throws ApiError BadRequest where a selector cannot be read or names an unknown field */
export function parseSelectors(kind: KindName, selectors: Selectors): Selection {
  const labels = parseLabelSelector(selectors.labelSelector ?? '');
  const fields = parseFieldSelector(kind, selectors.fieldSelector ?? '');
  const predicates = [...labels, ...fields.predicates];
  return {
    matches: (object) => predicates.every((predicate) => predicate(object)),
    everything: predicates.length === 0,
    ...(fields.name === undefined ? {} : { name: fields.name }),
  };
}

type Predicate = (object: AnyObject) => boolean;

const SET_TERM = /^([^\s!=,()]+)\s+(in|notin)\s*\(([^()]*)\)$/;
const EQUALITY_TERM = /^([^\s!=,()]+)\s*(==|=|!=)\s*([^\s!=,()]*)$/;
const EXISTENCE_TERM = /^(!?)\s*([^\s!=,()]+)$/;

function parseLabelSelector(text: string): Predicate[] {
  return splitTerms(text, 'label').map((term) => {
    const set = SET_TERM.exec(term);
    if (set) {
      const [, key = '', operator, list = ''] = set;
      const values = new Set(list.split(',').map((value) => value.trim()));
      return operator === 'in'
        ? (object) => values.has(label(object, key) ?? MISSING)
        : (object) => !values.has(label(object, key) ?? MISSING);
    }
    const equality = EQUALITY_TERM.exec(term);
    if (equality) {
      const [, key = '', operator, value] = equality;
      // `!=` holds for objects without the label, too (Kubernetes convention).
      return operator === '!='
        ? (object) => label(object, key) !== value
        : (object) => label(object, key) === value;
    }
    const existence = EXISTENCE_TERM.exec(term);
    if (!existence) throw unreadable('label', term);
    const [, negated, key = ''] = existence;
    return (object) => (label(object, key) !== undefined) === (negated === '');
  });
}

/** No label has this value: label values hold no blanks. */
const MISSING = ' ';

function label(object: AnyObject, key: string): string | undefined {
  const labels = object.metadata.labels;
  return labels && Object.hasOwn(labels, key) ? labels[key] : undefined;
}

function parseFieldSelector(kind: KindName, text: string): { predicates: Predicate[]; name?: string } {
  const fields: Readonly<Record<string, (object: AnyObject) => string>> = {
    'metadata.name': (object) => object.metadata.name,
    // Nothing has a namespace; clients that always ask by it get what they mean.
    'metadata.namespace': () => '',
    ...kindDefinition(kind).fields,
  };
  let name: string | undefined;
  const predicates = splitTerms(text, 'field').map((term): Predicate => {
    const [, path = '', operator, value = ''] = EQUALITY_TERM.exec(term) ?? [];
    if (!operator) throw unreadable('field', term);
    const read = Object.hasOwn(fields, path) ? fields[path] : undefined;
    if (!read) {
      const known = Object.keys(fields).join(', ');
      throw new ApiError(
        'BadRequest',
        `a ${kind} cannot be selected by the field "${path}"; by these it can: ${known}`,
      );
    }
    if (path === 'metadata.name' && operator !== '!=') name = value;
    return operator === '!=' ? (object) => read(object) !== value : (object) => read(object) === value;
  });
  return { predicates, ...(name === undefined ? {} : { name }) };
}

/** Splits at the commas that do not stand in parentheses. */
function splitTerms(text: string, which: string): string[] {
  if (text.length > MAX_SELECTOR_LENGTH) {
    throw new ApiError(
      'BadRequest',
      `the ${which} selector is longer than ${MAX_SELECTOR_LENGTH} characters`,
    );
  }
  if (text.trim() === '') return [];
  const terms = text.split(/,(?![^(]*\))/).map((term) => term.trim());
  if (terms.some((term) => term === '')) throw unreadable(which, text);
  return terms;
}

const unreadable = (which: string, term: string): ApiError =>
  new ApiError('BadRequest', `the ${which} selector "${term}" cannot be read: write for example app=web`);
