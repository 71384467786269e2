/**
 * Runs a tree's model tests: every combination of facts through each controller's machine, each controller through
 * every state of its machine on a real store, the migration's model of all that is around it, every combination of facts
 * through the rules, and what they all stand on through everything that may happen in every order.
 */
import { execFile } from 'node:child_process';
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';

/** A report names every test, and shows what was wrong with the first that failed. */
const MAX_REPORT_BYTES = 64 * 2 ** 20;
const TESTS = [
  'test/unit/controllers/*/machine*.test.ts',
  'test/unit/controllers/*/model.test.ts',
  'test/unit/controllers/*/paths.test.ts',
  'test/unit/rules/model.test.ts',
  'test/unit/api/model.test.ts',
  'test/unit/runtime/model/*.test.ts',
];
/** What mocha's JSON reporter says. */
interface Report {
  readonly stats: { readonly passes: number };
  readonly failures: readonly { readonly fullTitle: string; readonly err: { readonly message?: string } }[];
}

/** @returns the first test that fails, in a line; undefined: all pass */
export async function findByModelTests(root: string, signal: AbortSignal): Promise<string | undefined> {
  signal.throwIfAborted();
  const { stats, failures } = await report(root, signal);
  const [first] = failures;
  if (first) return `${first.fullTitle}: ${first.err.message?.split('\n')[0] ?? 'failed'}`;
  if (stats.passes === 0) throw new Error('there are no model tests');
  return undefined;
}

/** @throws Error where the tests could not be run */
async function report(root: string, signal: AbortSignal): Promise<Report> {
  // Not `bin/mocha.js`: that runs the tests in a child of its own, which would be left behind. And by its real path:
  // it looks at that to see whether it is what was started.
  const mocha = await realpath(join(root, 'node_modules/mocha/lib/cli/cli.js'));
  const options = { cwd: root, signal, killSignal: 'SIGKILL', maxBuffer: MAX_REPORT_BYTES } as const;
  // A machine that is busy makes no test fail: the whole run has its time.
  const parameters = ['--import=tsx', mocha, '--bail', '--timeout', '0', '--reporter', 'json', ...TESTS];
  const { stdout, stderr } = await new Promise<{ stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, parameters, options, (_, out, err) => resolve({ stdout: out, stderr: err }));
  });
  signal.throwIfAborted();
  const start = stdout.indexOf('{');
  if (start < 0) throw new Error(`the model tests did not run: ${stderr.trim() || 'there is no report'}`);
  return JSON.parse(stdout.slice(start)) as Report;
}
