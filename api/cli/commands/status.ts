/** `mill status`: the fleet on one screen. */
import type { Command } from 'commander';
import { examples } from '../arguments.ts';
import type { Cli } from '../cli.ts';
import type { Connection } from '../connection.ts';
import { EXIT } from '../exit.ts';
import { type FleetObjects, formatFleet, summarizeFleet } from '../fleet.ts';
import { listAll } from '../objects.ts';
import { toJson, toYaml } from '../output/format.ts';
import type { Session } from '../session.ts';

export function define(command: Command, cli: Cli): void {
  command
    .addHelpText(
      'after',
      `${examples(
        ['mill status', 'nodes, services, volumes, tasks, drains, and what is not well'],
        ['mill status -o json', 'the same for scripts'],
      )}

The last line is "all services healthy" when they are. The exit code is 0 also when something is not well.`,
    )
    .action(() => cli.run(status));
}

async function status(session: Session): Promise<number> {
  const fleet = summarizeFleet(await readFleet(await session.connect()));
  if (session.output === 'json') session.print(toJson(fleet));
  else if (session.output === 'yaml') session.print(await toYaml(fleet));
  else session.print(formatFleet(fleet, session.style));
  return EXIT.done;
}

async function readFleet(connection: Connection): Promise<FleetObjects> {
  const [nodes, services, volumes, tasks, migrations, leases] = await Promise.all([
    listAll(connection, 'Node'),
    listAll(connection, 'Service'),
    listAll(connection, 'Volume'),
    listAll(connection, 'Task'),
    listAll(connection, 'Migration'),
    listAll(connection, 'Lease'),
  ]);
  return {
    nodes: nodes.items,
    services: services.items,
    volumes: volumes.items,
    tasks: tasks.items,
    migrations: migrations.items,
    leases: leases.items,
  };
}
