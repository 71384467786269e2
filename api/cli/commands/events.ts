/** `mill events`: what happened lately, oldest first. */
import type { Command } from 'commander';
import type { Event } from '../../kinds/event.ts';
import { examples } from '../arguments.ts';
import type { Cli } from '../cli.ts';
import { EXIT, UsageError } from '../exit.ts';
import { readTargets } from '../kind-names.ts';
import { listAll, type Selection } from '../objects.ts';
import { listOf, nameOf, toJson, toYaml } from '../output/format.ts';
import { formatRows, widthsOf } from '../output/table.ts';
import type { Session } from '../session.ts';

export function define(command: Command, cli: Cli): void {
  command
    .argument('[what...]', 'only about this object: KIND/NAME or KIND NAME')
    .option('-w, --watch', 'then go on with what happens')
    .addHelpText(
      'after',
      examples(
        ['mill events', 'all that mill remembers'],
        ['mill events node/node-3 -w', 'about one node, as it happens'],
      ),
    )
    .action((words: string[], flags: { watch?: boolean }) =>
      cli.run((session) => events(session, words, flags)),
    );
}

async function events(
  session: Session,
  words: readonly string[],
  { watch }: { watch?: boolean },
): Promise<number> {
  const selection = selectionFor(words);
  const connection = await session.connect();
  const isTable = session.output === 'table' || session.output === 'wide';
  if (watch && !isTable) {
    const { watchObjects } = await import('../follow/watch-objects.ts');
    return watchObjects(session, ['Event'], [], selection);
  }
  const { items, resourceVersion } = await listAll(connection, 'Event', selection);
  const sorted = items.sort((a, b) => (a.spec.time < b.spec.time ? -1 : a.spec.time > b.spec.time ? 1 : 0));
  if (!isTable) {
    const list = listOf('Event', sorted, resourceVersion);
    if (session.output === 'name') session.print(sorted.map((event) => `${nameOf(event)}\n`).join(''));
    else session.print(session.output === 'json' ? toJson(list) : await toYaml(list));
    return EXIT.done;
  }
  const rows = sorted.map(rowOf);
  const widths = widthsOf([HEAD, ...rows]);
  if (rows.length === 0 && !watch) session.warn('no events found');
  else session.print(formatRows(HEAD, rows, widths));
  if (!watch) return EXIT.done;
  const interrupt = new AbortController();
  const forget = session.surroundings.onInterrupt(() => interrupt.abort());
  try {
    const request = { ...selection, resourceVersion, signal: interrupt.signal };
    for await (const event of connection.watch('Event', request)) {
      if (event.type !== 'ADDED' && event.type !== 'MODIFIED') continue;
      session.print(formatRows(undefined, [rowOf(event.object)], widths));
    }
  } finally {
    forget();
  }
  return interrupt.signal.aborted ? EXIT.interrupted : EXIT.done;
}

const HEAD = ['TIME', 'TYPE', 'REASON', 'OBJECT', 'BY', 'MESSAGE'];
const rowOf = ({ spec }: Event): string[] => [
  spec.time,
  spec.type,
  spec.reason,
  `${spec.regarding.kind.toLowerCase()}/${spec.regarding.name}`,
  spec.source,
  spec.message,
];

function selectionFor(words: readonly string[]): Selection {
  if (words.length === 0) return {};
  const { kinds, objects } = readTargets(words);
  const [object] = objects;
  const kind = object?.kind ?? kinds[0];
  if (objects.length > 1 || kinds.length > 1 || !kind) throw new UsageError('name one object: KIND/NAME');
  const name = object ? `,spec.regarding.name=${object.name}` : '';
  return { fieldSelector: `spec.regarding.kind=${kind}${name}` };
}
