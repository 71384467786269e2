/** Makes attempts, and writes into the history what each was told. */
import { isApiError } from '../../api/errors.ts';
import type { Store } from '../../api/store.ts';
import type { Random } from '../simulation/randomness.ts';
import { type HistoryFile, nowMs, type Outcome } from './history.ts';
import { type Attempt, beat, count, type Drawing, drawAttempt, NothingToDo } from './workload.ts';

/** Between two attempts: time for the others of a small machine. */
const PAUSE_MOST_MS = 40;

export interface WriterOptions {
  readonly store: Store;
  readonly history: HistoryFile;
  /** Ids of the servers that may commit for the others. */
  readonly writers: readonly string[];
  /** An id and a number that no other attempt has. */
  readonly newAttempt: () => Pick<Drawing, 'id' | 'unique'>;
  /** Something is there that must not be. */
  readonly onWrong: (message: string) => void;
}

/** One attempt after the other; between them the copy is read as it is: it never goes back. */
export async function write(options: WriterOptions, random: Random, isOver: () => boolean): Promise<void> {
  const { store, writers, newAttempt, onWrong } = options;
  let seen = 0;
  while (!isOver()) {
    const { id, unique } = newAttempt();
    const { revision } = await make(options, id, drawAttempt({ random, id, unique, writers }));
    seen = Math.max(seen, revision);
    if (store.state.revision < seen) onWrong(`it shows ${store.state.revision}, and ${seen} before`);
    seen = store.state.revision;
    await pause(random() * PAUSE_MOST_MS);
  }
}

/** When the faults have ended: commits, beats and is well. @returns how long that took */
export async function proveAlive(options: WriterOptions, random: Random): Promise<number> {
  const beganMs = nowMs();
  const proofs = [(drawing: Drawing) => count(drawing), ({ id }: Drawing) => beat(id)];
  for (let proof = proofs.shift(); proof; await pause(PAUSE_MOST_MS)) {
    const { id, unique } = options.newAttempt();
    const { outcome } = await make(options, id, proof({ random, id, unique, writers: [] }));
    if (outcome === 'done') proof = proofs.shift();
  }
  while (Object.keys(options.store.health).length > 0) await pause(PAUSE_MOST_MS);
  return nowMs() - beganMs;
}

/** @returns with the outcome the revision that the copy has to show from now on */
async function make(
  { store, history, onWrong }: WriterOptions,
  attempt: string,
  { what, counter, action, run }: Attempt,
): Promise<{ readonly outcome: Outcome; readonly revision: number }> {
  const counted = counter && action ? { counter, action } : {};
  history.write({ type: 'begun', ms: nowMs(), attempt, what, ...counted });
  try {
    const done = await run(store);
    history.write({ type: 'ended', ms: nowMs(), attempt, outcome: 'done', ...done });
    return { outcome: 'done', revision: Math.max(0, ...done.wrote.map(([, revision]) => revision)) };
  } catch (error) {
    const outcome = outcomeOf(error);
    if (outcome === undefined) onWrong(`${what} failed with ${error instanceof Error ? error.stack : error}`);
    const ended = { attempt, outcome: outcome ?? 'unknown', message: String(error) } as const;
    history.write({ type: 'ended', ms: nowMs(), ...ended });
    return { outcome: ended.outcome, revision: 0 };
  }
}

/** Undefined: no error that a store may answer here. */
function outcomeOf(error: unknown): Outcome | undefined {
  if (isApiError(error, 'Timeout')) return 'unknown';
  if (isApiError(error, 'ServiceUnavailable')) return 'unavailable';
  return error instanceof NothingToDo || isApiError(error, 'Invalid') ? 'refused' : undefined;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
