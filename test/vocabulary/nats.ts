/** Real NATS servers for tests, which are left out, with the reason, where the servers cannot be had. */
import { existsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Context } from 'mocha';
import { whyMissing } from '../../hack/nats/fetch.ts';
import { NATS_RELEASES, type NatsRelease } from '../../hack/nats/releases.ts';

/** The first test of a machine downloads some ten megabytes a release. */
const FETCH_TIMEOUT_MS = 300_000;

/** For a `before`: skips its tests, and says why, where a release of nats-server cannot be had on this machine. */
export async function needsNats(context: Context, ...releases: readonly NatsRelease[]): Promise<void> {
  context.timeout(FETCH_TIMEOUT_MS);
  const reason = await whyMissing(...releases.map((release) => NATS_RELEASES[release]));
  if (reason) leaveOut(context, reason);
}

/** A folder for the files of servers. */
export function natsDir(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'mill-nats-'));
}

/** For a `before`: skips its tests, and says why, where a program that they need is not installed. */
export function needsProgram(context: Context, program: string): void {
  const isThere = (process.env.PATH ?? '').split(':').some((dir) => existsSync(join(dir, program)));
  if (!isThere) leaveOut(context, `there is no ${program} here`);
}

function leaveOut(context: Context, reason: string): never {
  process.stdout.write(`      left out: ${reason}\n`);
  return context.skip();
}
