/** Reading the schemas of the kinds for people: `mill explain`, the OpenAPI document, docs/objects.md. */

/** The part of JSON Schema that mill's schemas use. */
export interface Schema {
  readonly type?: string | readonly string[];
  /** What a value looks like: `a duration such as 500ms, 30s, 5m, 1h30m`. */
  readonly title?: string;
  /** What the field means. */
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
}

/** What the two parts of every object are. */
export const PART_MEANINGS = { spec: 'what is wanted of it', status: 'how it is; mill writes it' } as const;

export interface Field {
  readonly name: string;
  readonly schema: Schema;
  readonly isRequired: boolean;
}

/** Fields of an object, or of the items of a list; none of anything else. */
export function fieldsOf(schema: Schema): readonly Field[] {
  const { properties = {}, required = [] } = schema.items ?? schema;
  return Object.entries(properties).map(([name, field]) => ({
    name,
    schema: field,
    // What has a default may be left out, whatever the schema of the stored object says.
    isRequired: required.includes(name) && field.default === undefined,
  }));
}

/** `duration`, `quantity` or `time`, where the values are one; JSON Schema calls them strings. */
export const formOf = ({ title = '' }: Schema): string | undefined =>
  /^a (duration|quantity|time) such as/.exec(title)?.[1];

/** Paths of all fields below that do not say what they mean: `ports[].name`. */
export function undescribed(schema: Schema, prefix = ''): string[] {
  return fieldsOf(schema).flatMap(({ name, schema: field }) => {
    const path = `${prefix}${name}`;
    return [
      ...(field.description ? [] : [path]),
      ...undescribed(field, `${path}${field.items ? '[].' : '.'}`),
    ];
  });
}
