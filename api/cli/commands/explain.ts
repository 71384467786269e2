/** `mill explain`: the fields of a kind, from its schema. */
import type { Command } from 'commander';
import { examples } from '../arguments.ts';
import type { Cli } from '../cli.ts';
import { CommandError, EXIT } from '../exit.ts';
import { kindOf } from '../kind-names.ts';
import { formatTable } from '../output/table.ts';
import type { Session } from '../session.ts';

/** The part of JSON Schema that the kinds use. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
}

export function define(command: Command, cli: Cli): void {
  command
    .argument('<kind[.path]>', 'a kind, or a field of it: service.spec.template.health')
    .option('--recursive', 'all fields below')
    .addHelpText(
      'after',
      examples(
        ['mill explain service', 'its fields'],
        ['mill explain node.spec.drainPolicy', 'the fields of one of them'],
        ['mill explain service --recursive', 'all of them'],
      ),
    )
    .action((what: string, flags: { recursive?: boolean }) =>
      cli.run((session) => explain(session, what, flags.recursive === true)),
    );
}

async function explain(session: Session, what: string, isRecursive: boolean): Promise<number> {
  const [word = '', ...path] = what.split('.');
  const kind = kindOf(word);
  const { kindDefinition } = await import('../../kinds/index.ts');
  const { spec, status, description } = kindDefinition(kind);
  const root: Schema = {
    type: 'object',
    description,
    properties: { spec: spec as Schema, status: status as Schema },
  };
  let schema: Schema | undefined = root;
  for (const step of path) {
    schema = fieldsOf(schema)?.[step];
    if (!schema) throw new CommandError(`${what}: there is no field "${step}"`);
  }
  session.print(`${session.style.strong(what)}  ${typeText(schema)}\n${schema.description ?? ''}\n\n`);
  const rows = fieldRows(schema, '', isRecursive);
  if (rows.length > 0)
    session.print(formatTable(['FIELD', 'TYPE', 'REQUIRED', 'DEFAULT', 'WHAT IT IS'], rows));
  return EXIT.done;
}

/** Fields of an object, or of the items of a list. */
const fieldsOf = (schema: Schema | undefined): Readonly<Record<string, Schema>> | undefined =>
  schema?.properties ?? schema?.items?.properties;

function fieldRows(schema: Schema, prefix: string, isRecursive: boolean): string[][] {
  const required = schema.required ?? schema.items?.required ?? [];
  return Object.entries(fieldsOf(schema) ?? {}).flatMap(([name, field]) => [
    [
      `${prefix}${name}`,
      typeText(field),
      // What has a default may be left out, whatever the schema of the stored object says.
      required.includes(name) && field.default === undefined ? 'yes' : '',
      field.default === undefined || typeof field.default === 'object' ? '' : String(field.default),
      field.description ?? '',
    ],
    ...(isRecursive ? fieldRows(field, `${prefix}${name}.`, true) : []),
  ]);
}

function typeText(schema: Schema): string {
  if (schema.enum) return schema.enum.map(String).join('|');
  if (schema.items) return `[]${typeText(schema.items)}`;
  if (schema.patternProperties) return 'map';
  return [schema.type ?? 'any'].flat().join('|');
}
