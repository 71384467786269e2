/**
 * Bench of starting and of idling, JSON lines: `mill up` to ready and `mill get nodes`, beside what an empty program
 * takes on this machine in the same run; what an idle `mill up` costs.
 *   npm run bench -- start
 */
import { readFileSync } from 'node:fs';
import { cpuMsOf } from '../cpu-time.ts';
import { MILL, median, startMill, timed } from './processes.ts';

const RUNS = 7;
const IDLE_MS = 10_000;

const emptyMs: number[] = [];
const readyMs: number[] = [];
const getMs: number[] = [];
for (let run = 0; run < RUNS; run += 1) {
  emptyMs.push(await timed(process.execPath, ['-e', '0'], process.env));
  const running = await startMill([]);
  readyMs.push(running.readyMs);
  getMs.push(await timed(process.execPath, [MILL, 'get', 'nodes'], running.env));
  if (run === RUNS - 1) await idle(running.child.pid ?? 0);
  await running.stop();
}
const empty = median(emptyMs);
for (const [bench, values] of [
  ['up-ready', readyMs],
  ['get-nodes', getMs],
] as const) {
  const ms = median(values);
  console.log(
    JSON.stringify({
      bench,
      ms: Math.round(ms),
      emptyMs: Math.round(empty),
      ratio: Number((ms / empty).toFixed(2)),
    }),
  );
}

async function idle(pid: number): Promise<void> {
  const beforeMs = cpuMsOf(pid);
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  const cpuPercent = ((cpuMsOf(pid) - beforeMs) / IDLE_MS) * 100;
  const resident = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  console.log(
    JSON.stringify({
      bench: 'idle',
      cpuPercent: Number(cpuPercent.toFixed(2)),
      residentMb: Math.round(Number(resident) / 1_024),
    }),
  );
}
