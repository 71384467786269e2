/** What is wrong with manifests: one line each, so that all can be put right at once. */
import { apiErrorText, EXIT, type ExitCode, isApiError } from '../exit.ts';
import type { Session } from '../session.ts';
import type { Manifest } from './parse.ts';

/**
 * A refusal of the server, in lines that name file, document and field.
 * @throws the error, where it is not about the object: no connection, no right
 */
export function tellProblems(manifest: Manifest, error: unknown): string[] {
  if (!isApiError(error) || error.reason === 'Unauthorized' || error.reason === 'ServiceUnavailable')
    throw error;
  const causes = error.details.causes ?? [];
  if (causes.length === 0) return [manifest.describe(apiErrorText(error))];
  return causes.map(({ field, message }) => manifest.describe(message, field));
}

/** Says what is wrong on stderr, and what that means. */
export function reportProblems(
  session: Session,
  problems: readonly string[],
  consequence = 'nothing was changed',
): ExitCode {
  for (const problem of problems) session.warn(`mill: ${problem}`);
  session.warn(`(${consequence})`);
  return EXIT.failed;
}
