/** `mill uncordon`: lets nodes take new work again. */
import type { Command } from 'commander';
import { examples } from '../arguments.ts';
import type { Cli } from '../cli.ts';
import { setUnschedulable } from './cordon.ts';

export function define(command: Command, cli: Cli): void {
  command
    .argument('[nodes...]', 'nodes')
    .option('-l, --selector <labels>', 'all nodes with these labels')
    .option('-y, --yes', 'do not ask before changing what a selector finds')
    .addHelpText('after', examples(['mill uncordon node-3', 'node-3 takes new work again']))
    .action((names: string[], flags: { selector?: string; yes?: boolean }) =>
      cli.run((session) => setUnschedulable(session, names, flags, false)),
    );
}
