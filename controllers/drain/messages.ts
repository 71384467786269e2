/** What a drain tells people: sentences for its conditions and events. */
import type { DrainFailure, Node } from '../../api/kinds/node.ts';

/** How many names a sentence spells out. */
const MAX_NAMES = 5;
/** How many failures a sentence spells out; `status.drain.failures` has them all. */
const MAX_FAILURES = 5;

export const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;

export const named = (names: readonly string[]): string =>
  names.length > MAX_NAMES
    ? `${names.slice(0, MAX_NAMES).join(', ')} and ${names.length - MAX_NAMES} more`
    : names.join(', ');

export function describeFailures(failures: readonly DrainFailure[]): string {
  const sentences = failures.slice(0, MAX_FAILURES).map(({ service, alloc, reason, message }) => {
    const who = service === '' ? '' : `service ${service}, alloc ${alloc}: `;
    return `${who}${reason}: ${message}`;
  });
  const rest = failures.length > MAX_FAILURES ? `; and ${failures.length - MAX_FAILURES} more` : '';
  return sentences.length === 0 ? 'the node could not be emptied' : `${sentences.join('; ')}${rest}`;
}

/** What was done, from what is on record: `the node is empty: 5 service allocs left it, 2 tasks ended`. */
export function describeDrained({ status: { drain } }: Node): string {
  if (!drain) return 'the node is empty';
  const parts = [
    ...(drain.services.total > 0 ? [`${plural(drain.services.total, 'service alloc')} left it`] : []),
    ...(drain.tasks.total > 0 ? [`${plural(drain.tasks.total, 'task')} ended`] : []),
    ...(drain.volumes.total > 0 ? [`${plural(drain.volumes.total, 'volume')} detached`] : []),
  ];
  return parts.length > 0 ? `the node is empty: ${parts.join(', ')}` : 'the node is empty: nothing was on it';
}
