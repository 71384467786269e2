/** Arguments of options: read strictly, refused with exit code 2 and a word on what is right. */
import { InvalidArgumentError } from 'commander';

/** A whole number within bounds. */
export const wholeNumber =
  (minimum: number, maximum = Number.MAX_SAFE_INTEGER) =>
  (text: string): number => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= minimum && value <= maximum)) {
      const range = maximum === Number.MAX_SAFE_INTEGER ? `from ${minimum}` : `from ${minimum} to ${maximum}`;
      throw new InvalidArgumentError(`It must be a whole number ${range}.`);
    }
    return value;
  };

// The API's own check of it (`api/duration.ts`) would bring the schema library with it; a test compares the two.
const DURATION = /^([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+$/;

/** A duration, as the API takes it: the text itself. */
export function duration(text: string): string {
  if (!DURATION.test(text)) throw new InvalidArgumentError('Write for example 500ms, 30s, 5m or 1h30m.');
  return text;
}

// As `Name` in `api/meta.ts`; a test compares the two.
const NAME = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** The name of an object. */
export function objectName(text: string): string {
  if (!NAME.test(text))
    throw new InvalidArgumentError('Names have lower-case letters, digits, "-" and ".", such as node-1.');
  return text;
}

/** A name without dots, of 63 characters at most. */
export function shortName(text: string): string {
  if (!LABEL.test(text))
    throw new InvalidArgumentError(
      'It has lower-case letters, digits and "-", 63 at most, such as server-1.',
    );
  return text;
}

/** Collects a repeatable option. */
export const repeated = (text: string, before: readonly string[] | undefined): string[] => [
  ...(before ?? []),
  text,
];

/** Collects `KEY=VALUE` of a repeatable option. */
export function assignment(
  text: string,
  before: Readonly<Record<string, string>> | undefined,
): Record<string, string> {
  const [key, ...rest] = text.split('=');
  if (!key || rest.length === 0) throw new InvalidArgumentError('Write KEY=VALUE.');
  return { ...before, [key]: rest.join('=') };
}

/** Values of a comma-separated option. */
export const commaSeparated = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

/** Help text with examples, one a line: what to type, and what it does. */
export function examples(...lines: readonly (readonly [string, string])[]): string {
  const width = Math.max(...lines.map(([typed]) => typed.length));
  const rows = lines.map(([typed, what]) => `  ${typed.padEnd(width)}   ${what}`);
  return `\nExamples:\n${rows.join('\n')}`;
}
