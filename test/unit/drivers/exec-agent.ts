/**
 * An agent to be killed by tests: starts the workloads it is given over standard input as JSON, prints their pids as a
 * line of JSON, and waits. Arguments: the driver's directory.
 */
import { text } from 'node:stream/consumers';
import { systemClock } from '../../../api/clock.ts';
import { silentLog } from '../../../api/log.ts';
import { createExecDriver } from '../../../runtime/drivers/exec/driver.ts';
import type { WorkloadSpec } from '../../../runtime/drivers/workload.ts';

const [dir = ''] = process.argv.slice(2);
const specs: WorkloadSpec[] = JSON.parse(await text(process.stdin));
const driver = createExecDriver({ dir, clock: systemClock, log: silentLog, node: 'node-1' });
await driver.recover();
const workloads = await Promise.all(specs.map((spec) => driver.start(spec)));
process.stdout.write(
  `${JSON.stringify(Object.fromEntries(workloads.map(({ alloc, pid }) => [alloc, pid])))}\n`,
);
setInterval(() => {}, 60_000);
