/** `mill describe`: all about an object, with what belongs to it and what happened to it. */
import type { Command } from 'commander';
import type { AnyObject, KindName } from '../../kinds/index.ts';
import { examples } from '../arguments.ts';
import type { Cli } from '../cli.ts';
import type { Connection } from '../connection.ts';
import { EXIT } from '../exit.ts';
import { KIND_NAMES, type ObjectReference, objectName, readTargets } from '../kind-names.ts';
import { fullTable, listAll, selectionOf, withoutNoise } from '../objects.ts';
import { toJson, toYaml } from '../output/format.ts';
import { formatTable, tableCells } from '../output/table.ts';
import type { Session } from '../session.ts';

export function define(command: Command, cli: Cli): void {
  command
    .argument('<what...>', 'KIND NAME…, or KIND/NAME…, or KIND for all')
    .option('-l, --selector <labels>', 'only objects with these labels')
    .addHelpText(
      'after',
      examples(
        ['mill describe node node-3', 'conditions, allocs and events of a node'],
        ['mill describe service/web', 'its allocs, and what is not well'],
      ),
    )
    .action((words: string[], flags: { selector?: string }) =>
      cli.run((session) => describe(session, words, flags)),
    );
}

async function describe(
  session: Session,
  words: readonly string[],
  flags: { selector?: string },
): Promise<number> {
  const { kinds, objects } = readTargets(words);
  const connection = await session.connect();
  const wanted: ObjectReference[] = [...objects];
  for (const kind of kinds) {
    const { items } = await listAll(connection, kind, selectionOf(flags));
    wanted.push(...items.map(({ metadata }) => ({ kind, name: metadata.name })));
  }
  for (const [index, { kind, name }] of wanted.entries()) {
    const object = await connection.get(kind, name);
    if (session.output === 'json') session.print(toJson(object));
    else if (session.output === 'yaml') session.print(`---\n${await toYaml(object)}`);
    else session.print(`${index > 0 ? '\n\n' : ''}${await describeObject(session, connection, object)}`);
  }
  return EXIT.done;
}

interface ShownCondition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
}

async function describeObject(session: Session, connection: Connection, object: AnyObject): Promise<string> {
  const { kind, metadata, spec } = object;
  const { conditions, ...status } = object.status as { conditions?: readonly ShownCondition[] };
  const { style } = session;
  const section = (title: string, text: string) =>
    text ? `\n${style.strong(`${title}:`)}\n${indent(text)}` : '';
  const { metadata: shown } = withoutNoise(object) as { metadata: object };
  const parts = [
    `${style.strong(`${kind} ${metadata.name}`)}\n`,
    section('Metadata', await yamlOf(shown)),
    section('Spec', await yamlOf(spec)),
    section('Status', await yamlOf(status)),
    section('Conditions', conditions ? conditionsTable(conditions) : ''),
  ];
  if (kind === 'Service') parts.push(section('Gateways', await gatewayProblems(connection, metadata.name)));
  for (const related of relatedTo(kind, metadata.name)) {
    const table = await fullTable(connection, related.kind, { fieldSelector: related.fieldSelector });
    const { head, rows } = tableCells(table, { wide: true });
    if (rows.length > 0) parts.push(section(titleOf(related.kind), formatTable(head, rows)));
  }
  if (kind !== 'Event') parts.push(section('Events', await eventsOf(connection, kind, metadata.name)));
  return parts.join('');
}

const conditionsTable = (conditions: readonly ShownCondition[]): string =>
  formatTable(
    ['TYPE', 'STATUS', 'REASON', 'SINCE', 'MESSAGE'],
    conditions.map((c) => [c.type, c.status, c.reason, c.lastTransitionTime, c.message]),
  );

/** What belongs to an object, by the fields that the API selects by. */
function relatedTo(kind: KindName, name: string): { kind: KindName; fieldSelector: string }[] {
  if (kind === 'Node') {
    return [
      { kind: 'Alloc', fieldSelector: `spec.node=${name}` },
      { kind: 'Volume', fieldSelector: `status.node=${name}` },
      { kind: 'Migration', fieldSelector: `spec.node=${name}` },
    ];
  }
  if (kind === 'Service') {
    return [
      { kind: 'Alloc', fieldSelector: `spec.owner.name=${name}` },
      { kind: 'Migration', fieldSelector: `spec.service=${name}` },
    ];
  }
  return kind === 'Task' ? [{ kind: 'Alloc', fieldSelector: `spec.owner.name=${name}` }] : [];
}

/** What gateways say that they cannot serve of the service; nothing where all is well. */
async function gatewayProblems(connection: Connection, service: string): Promise<string> {
  const { items } = await listAll(connection, 'Lease');
  const rows = items.flatMap(({ metadata, spec }) =>
    (spec.problems ?? [])
      .filter((problem) => problem.service === service)
      .map(({ message }) => [metadata.name, message]),
  );
  return rows.length > 0 ? formatTable(['GATEWAY', 'PROBLEM'], rows) : '';
}

async function eventsOf(connection: Connection, kind: KindName, name: string): Promise<string> {
  const fieldSelector = `spec.regarding.kind=${kind},spec.regarding.name=${name}`;
  const { items } = await listAll(connection, 'Event', { fieldSelector });
  if (items.length === 0) return `none about ${objectName(kind, name)}\n`;
  const rows = [...items]
    .sort((a, b) => (a.spec.time < b.spec.time ? -1 : 1))
    .map(({ spec }) => [spec.time, spec.type, spec.reason, spec.source, spec.message]);
  return formatTable(['TIME', 'TYPE', 'REASON', 'BY', 'MESSAGE'], rows);
}

const yamlOf = async (value: unknown): Promise<string> =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0 ? '' : toYaml(value);
const indent = (text: string): string => text.replace(/^(?=.)/gm, '  ');
const titleOf = (kind: KindName): string => {
  const { plural } = KIND_NAMES[kind];
  return `${plural.charAt(0).toUpperCase()}${plural.slice(1)}`;
};
