/** `mill get`: lists kinds, prints objects, follows changes. */
import type { Command } from 'commander';
import type { KindName } from '../../kinds/index.ts';
import { examples } from '../arguments.ts';
import type { Cli } from '../cli.ts';
import type { Connection } from '../connection.ts';
import { EXIT, UsageError } from '../exit.ts';
import { KIND_NAMES, type ObjectReference, readTargets } from '../kind-names.ts';
import { fullTable, listAll, type Reading, type SelectorFlags, selectionOf } from '../objects.ts';
import { listOf, mixedListOf, nameOf, toJson, toYaml } from '../output/format.ts';
import { formatTable, type Table, tableCells } from '../output/table.ts';
import type { Session } from '../session.ts';

interface GetFlags extends SelectorFlags {
  readonly watch?: boolean;
  readonly consistent?: boolean;
}

export function define(command: Command, cli: Cli): void {
  command
    .argument('<what...>', 'KIND[,KIND], or KIND NAME…, or KIND/NAME…')
    .option('-l, --selector <labels>', 'only objects with these labels: app=web,tier!=test')
    .option('--field-selector <fields>', 'only objects with these fields: spec.node=node-3')
    .option('-w, --watch', 'then go on with every change')
    .option('--consistent', 'all that any server has acknowledged by now, or an error')
    .addHelpText(
      'after',
      examples(
        ['mill get nodes', 'all nodes'],
        ['mill get services,volumes', 'several kinds'],
        ['mill get alloc web-0 -o yaml', 'one object, all of it'],
        ['mill get node/node-1 service/web', 'objects of several kinds'],
        ['mill get allocs --field-selector spec.node=node-3 -w', 'what goes on on a node'],
        ['mill get nodes --consistent', 'of several servers: not what one of them may have missed'],
      ),
    )
    .action((words: string[], flags: GetFlags) => cli.run((session) => get(session, words, flags)));
}

export async function get(session: Session, words: readonly string[], flags: GetFlags): Promise<number> {
  const { kinds, objects } = readTargets(words);
  const selection = selectionOf(flags);
  if (objects.length > 0 && Object.keys(selection).length > 0) {
    throw new UsageError('a selector chooses among all objects: leave the names out');
  }
  if (flags.watch && flags.consistent) throw new UsageError('-w and --consistent do not go together');
  if (flags.watch)
    return (await import('../follow/watch-objects.ts')).watchObjects(session, kinds, objects, selection);
  const connection = await session.connect();
  const reading: Reading = { ...selection, ...(flags.consistent ? { consistency: 'linearizable' } : {}) };
  return session.output === 'table' || session.output === 'wide'
    ? printTables(session, connection, kinds, objects, reading)
    : printObjects(session, connection, kinds, objects, reading);
}

async function printTables(
  session: Session,
  connection: Connection,
  kinds: readonly KindName[],
  objects: readonly ObjectReference[],
  reading: Reading,
): Promise<number> {
  const tables = new Map<KindName, Table>();
  for (const kind of kinds) tables.set(kind, await fullTable(connection, kind, reading));
  for (const { kind, name } of objects) {
    const table = await connection.getTable(kind, name, pointOf(reading));
    tables.set(kind, { ...table, rows: [...(tables.get(kind)?.rows ?? []), ...table.rows] });
  }
  const wide = session.output === 'wide';
  const filled = [...tables].filter(([, table]) => table.rows.length > 0);
  if (filled.length === 0)
    session.warn(`no ${kinds.map((kind) => KIND_NAMES[kind].plural).join(' or ')} found`);
  const texts = filled.map(([kind, table]) => {
    const prefix = tables.size > 1 ? `${KIND_NAMES[kind].singular}/` : '';
    const { head, rows } = tableCells(table, { wide, prefix });
    return formatTable(head, rows);
  });
  session.print(texts.join('\n'));
  return EXIT.done;
}

async function printObjects(
  session: Session,
  connection: Connection,
  kinds: readonly KindName[],
  objects: readonly ObjectReference[],
  reading: Reading,
): Promise<number> {
  const named = [];
  for (const { kind, name } of objects) named.push(await connection.get(kind, name, pointOf(reading)));
  const lists = [];
  for (const kind of kinds) lists.push({ kind, ...(await listAll(connection, kind, reading)) });
  const all = [...named, ...lists.flatMap((list) => list.items)];
  const [list] = lists;
  const value =
    lists.length === 1 && list
      ? listOf(list.kind, list.items, list.resourceVersion)
      : lists.length === 0 && named.length === 1
        ? named[0]
        : mixedListOf(all);
  if (session.output === 'name') session.print(all.map((object) => `${nameOf(object)}\n`).join(''));
  else session.print(session.output === 'json' ? toJson(value) : await toYaml(value));
  return EXIT.done;
}

const pointOf = ({ consistency }: Reading): Pick<Reading, 'consistency'> =>
  consistency ? { consistency } : {};
