/** Where processes keep their state when nobody says where (XDG Base Directory Specification). */
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from './surroundings.ts';

/** A directory of its own for each kind of process, so that they do not meet in one. */
export function defaultDataDirectory(process: string, env: Environment): string {
  const base = env.XDG_DATA_HOME || join(env.HOME || homedir(), '.local', 'share');
  return join(base, 'mill', process);
}
