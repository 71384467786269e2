/** `mill get -w`, `mill events -w`: prints what is there, then every change, until Ctrl-C. */

import type { KindName } from '../../kinds/index.ts';
import type { Connection } from '../connection.ts';
import { EXIT, UsageError } from '../exit.ts';
import type { ObjectReference } from '../kind-names.ts';
import { fullTable, listAll, type Selection } from '../objects.ts';
import { nameOf, toYaml } from '../output/format.ts';
import { formatRows, tableCells, widthsOf } from '../output/table.ts';
import type { Session } from '../session.ts';

/** @throws ConnectionError where the stream breaks: a script can start again */
export async function watchObjects(
  session: Session,
  kinds: readonly KindName[],
  objects: readonly ObjectReference[],
  selection: Selection,
): Promise<number> {
  const [object] = objects;
  const kind = kinds[0] ?? object?.kind;
  if (!kind || kinds.length + objects.length > 1) throw new UsageError('-w follows one kind, or one object');
  const connection = await session.connect();
  // The object has to be there to begin with, as with kubectl.
  if (object) await connection.get(kind, object.name);
  const chosen = object ? { fieldSelector: `metadata.name=${object.name}` } : selection;
  const interrupt = new AbortController();
  const forget = session.surroundings.onInterrupt(() => interrupt.abort());
  try {
    const isTable = session.output === 'table' || session.output === 'wide';
    await (isTable ? watchRows : watchBodies)(session, connection, kind, chosen, interrupt.signal);
  } finally {
    forget();
  }
  return interrupt.signal.aborted ? EXIT.interrupted : EXIT.done;
}

async function watchRows(
  session: Session,
  connection: Connection,
  kind: KindName,
  selection: Selection,
  signal: AbortSignal,
): Promise<void> {
  const wide = session.output === 'wide';
  // The list first: rows that change between it and the table are printed twice rather than never.
  const { resourceVersion } = await connection.list(kind, { ...selection, limit: 1 });
  const first = tableCells(await fullTable(connection, kind, selection), { wide });
  const widths = widthsOf([first.head, ...first.rows]);
  session.print(formatRows(first.head, first.rows, widths));
  for await (const event of connection.watchTable(kind, { ...selection, resourceVersion, signal })) {
    if (event.type === 'BOOKMARK') continue;
    const { rows } = tableCells(event.table, { wide });
    const shown = event.type === 'DELETED' ? rows.map(([name = '']) => [`${name} deleted`]) : rows;
    session.print(formatRows(undefined, shown, widths));
  }
}

async function watchBodies(
  session: Session,
  connection: Connection,
  kind: KindName,
  selection: Selection,
  signal: AbortSignal,
): Promise<void> {
  const print = async (object: Parameters<typeof nameOf>[0]) => {
    if (session.output === 'name') session.printLine(nameOf(object));
    else if (session.output === 'json') session.printLine(JSON.stringify(object));
    else session.print(`---\n${await toYaml(object)}`);
  };
  const { items, resourceVersion } = await listAll(connection, kind, selection);
  for (const item of items) await print(item);
  for await (const event of connection.watch(kind, { ...selection, resourceVersion, signal })) {
    if (event.type !== 'BOOKMARK') await print(event.object);
  }
}
