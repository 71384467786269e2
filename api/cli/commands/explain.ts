/** `mill explain`: the fields of a kind, from its schema. */
import type { Command } from 'commander';
import { fieldsOf, formOf, PART_MEANINGS, type Schema } from '../../kinds/fields.ts';
import { examples } from '../arguments.ts';
import type { Cli } from '../cli.ts';
import { CommandError, EXIT } from '../exit.ts';
import { kindOf } from '../kind-names.ts';
import { formatTable } from '../output/table.ts';
import type { Session } from '../session.ts';

/** Longest type in a table, in characters: a longer list of values would push the meaning off the screen. */
const MAX_TYPE_WIDTH = 40;

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
  const { described } = await import('../../meta.ts');
  const { spec, status, description } = kindDefinition(kind);
  let schema: Schema = {
    type: 'object',
    description,
    properties: {
      spec: described(spec, PART_MEANINGS.spec) as Schema,
      status: described(status, PART_MEANINGS.status) as Schema,
    },
  };
  for (const step of path) {
    const field = fieldsOf(schema).find(({ name }) => name === step);
    if (!field) throw new CommandError(`${what}: there is no field "${step}"`);
    schema = field.schema;
  }
  const about = [schema.description, schema.title].filter((line) => line !== undefined).join('\n');
  session.print(`${session.style.strong(what)}  ${typeText(schema)}\n${about}\n\n`);
  const rows = fieldRows(schema, '', isRecursive);
  if (rows.length > 0)
    session.print(formatTable(['FIELD', 'TYPE', 'REQUIRED', 'DEFAULT', 'WHAT IT IS'], rows));
  return EXIT.done;
}

function fieldRows(schema: Schema, prefix: string, isRecursive: boolean): string[][] {
  return fieldsOf(schema).flatMap(({ name, schema: field, isRequired }) => [
    [
      `${prefix}${name}`,
      shortened(typeText(field)),
      isRequired ? 'yes' : '',
      field.default === undefined || typeof field.default === 'object' ? '' : String(field.default),
      field.description ?? '',
    ],
    ...(isRecursive ? fieldRows(field, `${prefix}${name}.`, true) : []),
  ]);
}

/** `mill explain` of the field itself shows all. */
const shortened = (type: string): string =>
  type.length > MAX_TYPE_WIDTH ? `${type.slice(0, MAX_TYPE_WIDTH - 1)}…` : type;

function typeText(schema: Schema): string {
  if (schema.enum) return schema.enum.join('|');
  if (schema.items) return `[]${typeText(schema.items)}`;
  if (schema.patternProperties) return 'map';
  return formOf(schema) ?? [schema.type ?? 'any'].flat().join('|');
}
