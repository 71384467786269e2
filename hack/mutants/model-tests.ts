/** Runs a tree's model tests: every combination of facts through each controller's machine, and the migration's model. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';

const TESTS = ['test/unit/controllers/*/machine.test.ts', 'test/unit/controllers/migration/model.test.ts'];
/** Title of a failed test and what it says, as mocha's JSON reporter gives them. */
interface Failure {
  readonly fullTitle: string;
  readonly err: { readonly message?: string };
}

/** @returns the first test that fails, in a line; undefined: all pass */
export async function findByModelTests(root: string, signal: AbortSignal): Promise<string | undefined> {
  signal.throwIfAborted();
  const mocha = join(root, 'node_modules/mocha/bin/mocha.js');
  const options = { cwd: root, signal, killSignal: 'SIGKILL', maxBuffer: 64 * 2 ** 20 } as const;
  const { code, stdout, stderr } = await new Promise<{ code: unknown; stdout: string; stderr: string }>(
    (resolve) => {
      execFile(
        process.execPath,
        [mocha, '--bail', '--reporter', 'json', ...TESTS],
        options,
        (error, out, err) => resolve({ code: error?.code ?? 0, stdout: out, stderr: err }),
      );
    },
  );
  signal.throwIfAborted();
  if (code === 0) return undefined;
  const failures = failuresIn(stdout);
  const [first] = failures;
  if (!first) throw new Error(`the model tests did not run: ${stderr.trim().split('\n').at(-1) ?? ''}`);
  return `${first.fullTitle}: ${first.err.message?.split('\n')[0] ?? 'failed'}`;
}

function failuresIn(report: string): readonly Failure[] {
  const start = report.indexOf('{');
  if (start < 0) return [];
  return (JSON.parse(report.slice(start)) as { readonly failures: readonly Failure[] }).failures;
}
