/** `mill wait`: until an object has a condition, or is gone. */
import type { Command } from 'commander';
import { durationMs } from '../../duration.ts';
import type { AnyObject } from '../../kinds/index.ts';
import { duration, examples } from '../arguments.ts';
import type { Cli } from '../cli.ts';
import { CommandError, EXIT, UsageError } from '../exit.ts';
import { Mirror } from '../follow/mirror.ts';
import { objectName, readTargets } from '../kind-names.ts';
import type { Session } from '../session.ts';

export function define(command: Command, cli: Cli): void {
  command
    .argument('<what...>', 'KIND NAME, or KIND/NAME')
    .requiredOption('--for <what>', 'condition=TYPE[=True|False] or delete')
    .option('--timeout <duration>', 'how long to wait', duration, '5m')
    .addHelpText(
      'after',
      examples(
        ['mill wait service/web --for condition=Available', 'until enough of it is healthy'],
        ['mill wait node/node-3 --for condition=Drained --timeout 10m', 'until a drain is done'],
        ['mill wait node/node-3 --for delete', 'until it is gone'],
      ),
    )
    .action((words: string[], flags: { for: string; timeout: string }) =>
      cli.run((session) => waitFor(session, words, flags)),
    );
}

async function waitFor(
  session: Session,
  words: readonly string[],
  flags: { for: string; timeout: string },
): Promise<number> {
  const { objects } = readTargets(words);
  const [target] = objects;
  if (!target || objects.length > 1) throw new UsageError('name one object: KIND/NAME');
  const isMet = readGoal(flags.for);
  const connection = await session.connect();
  // A server that is not there at all is said at once; one that goes away later is waited for.
  await connection.list(target.kind, { fieldSelector: `metadata.name=${target.name}`, limit: 1 });
  const { clock } = session.surroundings;
  const interrupt = new AbortController();
  const late = new AbortController();
  const forget = session.surroundings.onInterrupt(() => interrupt.abort());
  const cancel = clock.schedule(durationMs(flags.timeout), () => late.abort());
  const feeds = [{ kind: target.kind, fieldSelector: `metadata.name=${target.name}` }];
  const mirror = new Mirror(connection, feeds, {
    clock,
    signal: AbortSignal.any([interrupt.signal, late.signal]),
  });
  const label = objectName(target.kind, target.name);
  try {
    for await (const _ of mirror.changes()) {
      const object = mirror.get(target.kind, target.name);
      if (!object && flags.for !== 'delete') throw new CommandError(`${label} is not there`);
      if (!isMet(object)) continue;
      session.printLine(`${label} ${flags.for === 'delete' ? 'is gone' : 'condition met'}`);
      return EXIT.done;
    }
  } finally {
    cancel();
    forget();
  }
  if (late.signal.aborted) throw new CommandError(`${label}: still not ${flags.for} after ${flags.timeout}`);
  return EXIT.interrupted;
}

/** A condition that tells of an older spec does not count. */
function readGoal(goal: string): (object: AnyObject | undefined) => boolean {
  if (goal === 'delete') return (object) => object === undefined;
  const [, type, wanted = 'True'] = /^condition=([A-Za-z]+)(?:=(True|False|Unknown))?$/.exec(goal) ?? [];
  if (!type) throw new UsageError(`--for "${goal}": write condition=TYPE, condition=TYPE=False or delete`);
  return (object) => {
    if (!object || !('conditions' in object.status)) return false;
    const condition = object.status.conditions.find((one) => one.type.toLowerCase() === type.toLowerCase());
    return condition?.status === wanted && condition.observedGeneration >= object.metadata.generation;
  };
}
