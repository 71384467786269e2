/** What is wrong with a file, as people say it. */
import { CommandError } from './exit.ts';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
  ENOTDIR: 'what is before the last "/" is no directory',
  ENOSPC: 'the disk is full',
};

export function fileError(path: string, error: unknown): CommandError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const why = REASONS[code] ?? (error instanceof Error ? error.message : String(error));
  return new CommandError(`${path}: ${why}`, { cause: error });
}
