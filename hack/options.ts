/** Options of the project's own programs: what is wrong with them is said in a line, with how the program is used. */
import { type ParseArgsConfig, parseArgs } from 'node:util';

let program = '';

/**
 * Ends the process: for `--help` after saying the usage, and with exit code 2 where an option is not known.
 * @param usage begins with `usage: npm run NAME`
 */
export function optionsOf<const O extends NonNullable<ParseArgsConfig['options']>>(
  usage: string,
  options: O,
) {
  program = /npm run ([\w-]+)/.exec(usage)?.[1] ?? '';
  if (process.argv.slice(2).some((word) => word === '--help' || word === '-h')) {
    console.log(usage);
    process.exit(0);
  }
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    return refuse(`${(error as Error).message}\n${usage}`);
  }
}

/** After `optionsOf`. @returns a whole number of at least `least`; ends the process with exit code 2 where it is none */
export function wholeNumber(option: string, given: string, least = 0): number {
  const number = Number(given);
  if (given.trim() !== '' && Number.isSafeInteger(number) && number >= least) return number;
  return refuse(`--${option} "${given}": a whole number from ${least} on`);
}

/** After `optionsOf`: what was given cannot be. Ends the process with exit code 2. */
export function refuse(message: string): never {
  console.error(`${program}: ${message}`);
  process.exit(2);
}
