/** Deletions leave a record each, so that who was away learns of them; those that everybody knows are cleared away. */
import { type Clock, repeat } from '../../../api/clock.ts';
import type { Log } from '../../../api/log.ts';
import { isDeletion } from './records.ts';
import type { Incoming } from './stream.ts';

/** How long a deletion is kept: twice as long as anybody may be away without reading everything again. */
const KEPT_MS = 60 * 60_000;
const SWEEP_EVERY_MS = 60_000;
/** Cleared away in one sweep, so that it is no burden; more than a fleet deletes in that time for long. */
const MAX_A_SWEEP = 2_000;

export interface TombstoneOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Whether it is for this server to do. */
  readonly isMine: () => boolean;
  /** The log must go on to end with its last record: whoever reads it anew waits for that, and links the next to it. */
  readonly lastRevision: () => number;
  /** Clears away what a subject has up to a sequence. */
  readonly purge: (subject: string, upTo: number) => Promise<void>;
  readonly signal: AbortSignal;
}

export class Tombstones {
  readonly #options: TombstoneOptions;
  /** By subject, the oldest first. */
  readonly #deleted = new Map<string, { readonly sequence: number; readonly timeMs: number }>();

  constructor(options: TombstoneOptions) {
    this.#options = options;
    const { clock, signal, log } = options;
    const later = (error: Error) =>
      log.debug({ error: error.message }, 'old deletions are cleared away later');
    repeat(clock, SWEEP_EVERY_MS, signal, () => this.#sweep().catch(later));
  }

  note(record: Incoming): void {
    const { subject, sequence, timeMs } = record;
    this.#deleted.delete(subject);
    if (isDeletion(record)) this.#deleted.set(subject, { sequence, timeMs });
  }

  async #sweep(): Promise<void> {
    const { clock, isMine, purge, lastRevision } = this.#options;
    if (!isMine()) return;
    const untilMs = clock.now() - KEPT_MS;
    const due = [...this.#deleted].filter(([, { timeMs }]) => timeMs < untilMs).slice(0, MAX_A_SWEEP);
    for (const [subject, { sequence }] of due) {
      if (this.#deleted.get(subject)?.sequence !== sequence || sequence >= lastRevision()) continue;
      await purge(subject, sequence);
      if (this.#deleted.get(subject)?.sequence === sequence) this.#deleted.delete(subject);
    }
  }
}
