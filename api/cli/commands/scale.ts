/** `mill scale`: sets the replicas of services. */
import type { Command } from 'commander';
import { examples, wholeNumber } from '../arguments.ts';
import type { Cli } from '../cli.ts';
import { EXIT, UsageError } from '../exit.ts';
import { readTargets } from '../kind-names.ts';

const MAX_REPLICAS = 10_000;

export function define(command: Command, cli: Cli): void {
  command
    .argument('<services...>', 'names of services, or service/NAME')
    .requiredOption('--replicas <n>', 'how many', wholeNumber(0, MAX_REPLICAS))
    .addHelpText('after', examples(['mill scale web --replicas 5', 'five replicas of web']))
    .action((words: string[], { replicas }: { replicas: number }) =>
      cli.run(async (session) => {
        const { objects } = readTargets(words[0]?.includes('/') ? words : ['service', ...unprefixed(words)]);
        if (objects.some(({ kind }) => kind !== 'Service'))
          throw new UsageError('only services have replicas');
        const connection = await session.connect();
        for (const { name } of objects) {
          await connection.patch('Service', name, { spec: { replicas } });
          session.printLine(`service/${name} scaled to ${replicas}`);
        }
        return EXIT.done;
      }),
    );
}

/** `mill scale service web`, as with kubectl. */
const unprefixed = (words: readonly string[]): readonly string[] =>
  words.length > 1 && ['service', 'services', 'svc'].includes(words[0] ?? '') ? words.slice(1) : words;
