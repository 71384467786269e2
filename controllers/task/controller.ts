/** Task: places a workload once, and reports how it ended. It never moves and is never started again. */
import { isTerminal } from '../../api/kinds/alloc.ts';
import { isSchedulable } from '../../api/kinds/node.ts';
import type { ControllerDefinition } from '../../runtime/controller/controller.ts';
import { commands } from './commands.ts';
import { type Facts, factsOf } from './facts.ts';
import { type Command, machine, type State } from './machine.ts';
import { statusOf } from './status.ts';

export function createTaskController(): ControllerDefinition<'Task', Facts, Command, State> {
  // Tasks that wait for room, so that a change of the fleet concerns only them. Filled again when this process
  // starts: then every task is looked at once.
  const waiting = new Set<string>();
  return {
    name: 'task',
    kind: 'Task',
    watches: {
      Task: (task) => [task.metadata.name],
      Alloc: (alloc) => {
        const { owner } = alloc.spec;
        const own = owner.kind === 'Task' ? [owner.name] : [];
        // What is over, whoever's it was, leaves room.
        return isTerminal(alloc) ? [...own, ...waiting] : own;
      },
      Node: (node) => (isSchedulable(node) ? waiting : []),
      Volume: (volume, reader) =>
        reader
          .byIndex('Task', 'volume', volume.metadata.name)
          .map((task) => task.metadata.name)
          .filter((name) => waiting.has(name)),
    },
    observe(task, { reader, nowMs }) {
      const facts = factsOf(task, reader, nowMs);
      const { name } = task.metadata;
      if (facts.reasons) waiting.add(name);
      else waiting.delete(name);
      return facts;
    },
    machine,
    commands,
    report: statusOf,
    wakeAt: ({ timesOutAtMs, isTimedOut }) => (isTimedOut ? undefined : timesOutAtMs),
    forget: (name) => void waiting.delete(name),
  };
}
