/** The command line: finds the command, loads it alone, runs it, and turns its end into an exit code. */
import { Command, CommanderError, Option } from 'commander';
import { COMMANDS } from './commands/index.ts';
import { describeError, EXIT } from './exit.ts';
import { OUTPUT_FORMATS } from './output/format.ts';
import type { Processes } from './processes.ts';
import { type GlobalFlags, Session } from './session.ts';
import type { Surroundings } from './surroundings.ts';

/** What a command's `define` gets. */
export interface Cli {
  readonly processes: Processes;
  readonly surroundings: Surroundings;
  /** Runs the command's work in a session; it resolves to the exit code. */
  run(work: (session: Session) => Promise<number>): Promise<void>;
}

/**
 * Runs one command line.
 * @param argv the words after `mill`
 * @returns the exit code
 */
export async function runCli(
  argv: readonly string[],
  surroundings: Surroundings,
  processes: Processes,
): Promise<number> {
  const words = normalize(argv);
  let exitCode: number = EXIT.done;
  let session: Session | undefined;
  const program = createProgram(surroundings);
  const cli: Cli = {
    processes,
    surroundings,
    async run(work) {
      session = new Session(surroundings, program.opts<GlobalFlags>());
      exitCode = await work(session);
    },
  };
  try {
    await addCommands(program, words, cli);
    await program.parseAsync(words, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    const { lines, exitCode: failed } = describeError(error, session?.server ?? '');
    surroundings.stderr.write(`${lines.join('\n')}\n`);
    return failed;
  } finally {
    await session?.close();
  }
  return exitCode;
}

function createProgram({ stdout, stderr }: Surroundings): Command {
  return new Command('mill')
    .description('Takes a machine out of a fleet without dropping a request or a byte.')
    .addOption(
      new Option(
        '--server <addresses>',
        'URL or HOST:PORT of the server, of several URL,URL,… (MILL_SERVER; default 127.0.0.1:4400)',
      ),
    )
    .addOption(
      new Option('--token <token>', 'credential (MILL_TOKEN); found by itself for a server on this machine'),
    )
    .addOption(new Option('--ca <file>', "PEM file with the CA of the server's certificate (MILL_CA)"))
    .addOption(new Option('-o, --output <format>', 'how to print').choices([...OUTPUT_FORMATS]))
    .option('--no-color', 'no colours (also NO_COLOR)')
    .addHelpText('after', PROGRAM_HELP)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'mill: ')),
      getOutHelpWidth: () => stdout.columns,
      getErrHelpWidth: () => stderr.columns,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .showHelpAfterError('(mill --help says more)')
    .exitOverride();
}

const PROGRAM_HELP = `
Examples:
  mill up                     start everything on this machine
  mill apply -f manifests/    create or update what the files say
  mill nodes                  the fleet
  mill drain node-3           empty a machine, and follow how it goes
  mill remove node-3          take it out of the fleet
  mill drain --help           every command has examples

Exit codes: 0 done, 1 refused or failed, 2 usage, 3 server not reachable.`;

/** Loads the command that the words name; the others are there by name, for help and suggestions. */
async function addCommands(program: Command, words: readonly string[], cli: Cli): Promise<void> {
  const { operands } = program.parseOptions([...words]);
  const wanted = operands[0] === 'help' ? operands[1] : operands[0];
  for (const [name, { summary, load, hidden }] of Object.entries(COMMANDS)) {
    const command = program.command(name, { hidden: hidden === true }).description(summary);
    if (name !== wanted) continue;
    const { define } = await load();
    define(command, cli);
  }
}

/** `mill` alone asks for help; `--version` is the command of that name, asked without the server. */
function normalize(argv: readonly string[]): string[] {
  if (argv.length === 0) return ['--help'];
  if (argv[0] === '--version' || argv[0] === '-V') return ['version', '--client'];
  return [...argv];
}
