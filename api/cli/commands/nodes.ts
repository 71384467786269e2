/** `mill nodes`: the machines of the fleet. */
import type { Command } from 'commander';
import { examples } from '../arguments.ts';
import type { Cli } from '../cli.ts';
import { get } from './get.ts';

export function define(command: Command, cli: Cli): void {
  command
    .argument('[names...]', 'only these')
    .option('-l, --selector <labels>', 'only nodes with these labels: zone=a')
    .option('-w, --watch', 'then go on with every change')
    .option('--consistent', 'all that any server has acknowledged by now, or an error')
    .addHelpText(
      'after',
      examples(
        ['mill nodes', 'NAME STATUS DRAIN ALLOCS CPU MEM AGE'],
        ['mill nodes -w', 'and every change'],
        ['mill nodes -o wide', 'with addresses'],
      ),
    )
    .action((names: string[], flags: { selector?: string; watch?: boolean; consistent?: boolean }) =>
      cli.run((session) => get(session, ['nodes', ...names], flags)),
    );
}
