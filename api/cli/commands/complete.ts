/** `mill __complete`: what fits at the cursor, a word a line. Hidden: the completion scripts call it. */
import { Argument, Command } from 'commander';
import type { KindName } from '../../kinds/index.ts';
import type { Cli } from '../cli.ts';
import { EXIT, UsageError } from '../exit.ts';
import { KIND_NAMES, kindOf, lookUpKind } from '../kind-names.ts';
import { OUTPUT_FORMATS } from '../output/format.ts';
import type { Session } from '../session.ts';
import { COMMANDS } from './index.ts';

/** Most names offered: nobody reads more, and a shell does not take more well. */
const MAX_NAMES = 500;

export function define(command: Command, cli: Cli): void {
  command
    .addArgument(new Argument('<what>').choices(['names', 'words']))
    .argument('[words...]')
    .action((what: 'names' | 'words', words: string[]) =>
      cli.run(async (session) => {
        if (what === 'names' && words.length !== 1) throw new UsageError('__complete names KIND');
        const found =
          what === 'names'
            ? await namesOf(session, kindOf(words[0] ?? ''))
            : await fitting(session, words, cli);
        session.print(found.map((word) => `${word}\n`).join(''));
        return EXIT.done;
      }),
    );
}

/** Commands whose arguments are names of one kind. */
const NAMES_FOR: Readonly<Record<string, KindName>> = {
  nodes: 'Node',
  drain: 'Node',
  undrain: 'Node',
  remove: 'Node',
  cordon: 'Node',
  uncordon: 'Node',
  scale: 'Service',
  logs: 'Alloc',
};
/** Commands whose arguments are a kind and then names. */
const TAKES_KIND = ['get', 'describe', 'edit', 'delete', 'wait', 'events'];

/** @param words what is typed so far, the one at the cursor last */
async function fitting(session: Session, words: readonly string[], cli: Cli): Promise<string[]> {
  const current = words.at(-1) ?? '';
  const previous = words.at(-2);
  const [command, ...operands] = words.slice(0, -1).filter((word) => !word.startsWith('-'));
  const offered = await offers(session, cli, { command, operands, current, previous });
  return offered.filter((word) => word.startsWith(current));
}

interface Cursor {
  readonly command: string | undefined;
  readonly operands: readonly string[];
  readonly current: string;
  readonly previous: string | undefined;
}

async function offers(session: Session, cli: Cli, { command, operands, current, previous }: Cursor) {
  if (previous === '-o' || previous === '--output') return [...OUTPUT_FORMATS];
  const entry = command === undefined ? undefined : COMMANDS[command];
  if (command === undefined || !entry) {
    return Object.keys(COMMANDS).filter((name) => !COMMANDS[name]?.hidden);
  }
  if (current.startsWith('-')) return flagsOf(entry.load, cli);
  const kinds = Object.values(KIND_NAMES).map(({ plural }) => plural);
  if (command === 'explain') return kinds;
  const slashed = /^([^/]+)\//.exec(current)?.[1];
  const only = NAMES_FOR[command];
  if (only) return namesOf(session, only);
  if (!TAKES_KIND.includes(command)) return [];
  if (slashed && lookUpKind(slashed)) {
    return (await namesOf(session, kindOf(slashed))).map((name) => `${slashed}/${name}`);
  }
  const kind = operands[0] === undefined ? undefined : lookUpKind(operands[0]);
  return kind ? namesOf(session, kind) : kinds;
}

async function flagsOf(load: (typeof COMMANDS)[string]['load'], cli: Cli): Promise<string[]> {
  const command = new Command();
  (await load()).define(command, cli);
  const own = command.options.flatMap(({ long }) => (long ? [long] : []));
  return [...own, '--output', '--server', '--token', '--ca', '--no-color', '--help'];
}

async function namesOf(session: Session, kind: KindName): Promise<string[]> {
  const connection = await session.connect();
  const { items } = await connection.list(kind, { limit: MAX_NAMES });
  return items.map(({ metadata }) => metadata.name);
}
