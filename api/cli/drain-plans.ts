/** `mill drain --dry-run`: what a drain would do with nodes, and what has no place and why. */
import { objectPath } from '../client/paths.ts';
import type { DrainPlan, PlannedService } from '../drain-plan.ts';
import type { Connection } from './connection.ts';
import { CommandError, describeError, EXIT } from './exit.ts';
import { toYaml } from './output/format.ts';
import { formatTable, safeText } from './output/table.ts';
import type { Session } from './session.ts';

/** @returns exit code 0 where everything has a place, else 1 */
export async function printDrainPlans(
  session: Session,
  connection: Connection,
  nodes: readonly string[],
): Promise<number> {
  let exitCode: number = EXIT.done;
  for (const [index, node] of nodes.entries()) {
    try {
      const plan = readPlan(await connection.request('GET', objectPath('Node', node, 'drainplan')), node);
      const stuck = plan.services.filter(({ target }) => target === undefined);
      if (session.output === 'json') session.printLine(JSON.stringify(plan));
      else if (session.output === 'yaml') session.print(`---\n${await toYaml(plan)}`);
      else session.print(`${index > 0 ? '\n' : ''}${formatPlan(plan)}`);
      for (const service of stuck) session.warn(`mill: ${safeText(noPlaceText(service))}`);
      if (stuck.length > 0) exitCode = Math.max(exitCode, EXIT.failed);
    } catch (error) {
      const failure = describeError(error, session.server);
      if (failure.exitCode === EXIT.unreachable) throw error;
      for (const line of failure.lines) session.warn(line);
      exitCode = Math.max(exitCode, failure.exitCode);
    }
  }
  return exitCode;
}

const noPlaceText = ({ service, alloc, reasons = [] }: PlannedService): string =>
  `service "${service}": alloc ${alloc} has no place: ${reasons.join('; ') || 'no reason was given'}`;

/** The plan as lines for people. */
function formatPlan(plan: DrainPlan): string {
  const rows = [
    ...plan.volumes.map(({ volume, action }) => [
      `volume/${volume}`,
      '',
      action === 'detach' ? 'detach' : 'hand on with its alloc',
      '',
    ]),
    ...plan.services.map(({ service, alloc, strategy, target }) => [
      `service/${service}`,
      alloc,
      strategy === 'stop-first' ? 'move with its volume' : 'move',
      target === undefined ? 'NO PLACE' : `to ${target}`,
    ]),
    ...plan.tasks.map(({ task, alloc }) => [`task/${task}`, alloc, 'stop', '']),
  ];
  if (rows.length === 0) return `node/${plan.node}: nothing is on it\n`;
  const head = `node/${plan.node}: a drain would, in this order (nothing is changed now):\n`;
  return head + formatTable(['OBJECT', 'ALLOC', 'ACTION', 'WHERE'], rows);
}

function readPlan(answer: unknown, node: string): DrainPlan {
  const plan = answer as Partial<DrainPlan> | null;
  if (plan?.kind !== 'DrainPlan') throw new CommandError(`the server's plan for ${node} cannot be read`);
  return {
    kind: 'DrainPlan',
    node: plan.node ?? node,
    volumes: plan.volumes ?? [],
    services: plan.services ?? [],
    tasks: plan.tasks ?? [],
  };
}
