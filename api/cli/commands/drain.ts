/** `mill drain`: asks for the drain of nodes, and follows it. */
import type { Command } from 'commander';
import { duration, examples, wholeNumber } from '../arguments.ts';
import type { Cli } from '../cli.ts';
import { chooseNodes } from '../node-selection.ts';

export interface DrainFlags {
  readonly dryRun?: boolean;
  readonly detach?: boolean;
  readonly deadline?: string;
  readonly maxParallel?: number;
  readonly force?: boolean;
  readonly taskGrace?: string;
  readonly reason?: string;
  readonly selector?: string;
  readonly yes?: boolean;
}

const MAX_PARALLEL = 100;
const MAX_REASON_LENGTH = 1_024;

/** The flags that say how a drain goes; `remove --drain` has them as well. */
export function addDrainPolicyOptions(command: Command): Command {
  return command
    .option(
      '--deadline <duration>',
      'how long it may take, e.g. 10m; then it fails, or with --force stops the rest',
      duration,
    )
    .option('--max-parallel <n>', 'how many services move at a time', wholeNumber(1, MAX_PARALLEL))
    .option(
      '--force',
      'stop what has not moved by the deadline (at once, without --deadline): requests may fail',
    )
    .option('--task-grace <duration>', 'how long tasks may go on before they are stopped', duration)
    .option('--reason <text>', 'why, for those who look later', (text: string) =>
      text.slice(0, MAX_REASON_LENGTH),
    );
}

export function define(command: Command, cli: Cli): void {
  command
    .argument('[nodes...]', 'nodes to drain')
    .option('--dry-run', 'print the plan, and what has no place and why; change nothing')
    .option('--detach', 'ask for it, and do not follow')
    .option('-l, --selector <labels>', 'all nodes with these labels')
    .option('-y, --yes', 'do not ask before draining what a selector finds');
  addDrainPolicyOptions(command)
    .addHelpText(
      'after',
      `${examples(
        ['mill drain node-3', 'move everything off node-3, and follow it'],
        ['mill drain node-3 --dry-run', 'what would move where, and what has no place'],
        ['mill drain node-3 --deadline 10m --force', 'after ten minutes, stop what could not move'],
        ['mill drain -l rack=7 --detach', 'drain a rack, do not wait'],
        ['mill drain node-3 -o json', 'a JSON object a line, the last one with "result"'],
      )}

Ctrl-C stops following (exit code 130), not the drain: run it again to follow, "mill undrain NODE" to cancel.
On a drain that failed, running it again tries once more what could not be moved.`,
    )
    .action((names: string[], flags: DrainFlags) =>
      cli.run(async (session) => {
        const nodes = await chooseNodes(session, names, flags, 'drain');
        const connection = await session.connect();
        if (flags.dryRun) {
          const { printDrainPlans } = await import('../drain-plans.ts');
          return printDrainPlans(session, connection, nodes);
        }
        const { drainNodes } = await import('../follow/drain-nodes.ts');
        const { exitCode } = await drainNodes(session, connection, nodes, flags);
        return exitCode;
      }),
    );
}
