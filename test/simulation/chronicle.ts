/** What happened in a simulated cluster, in order: for a hash that shows whether two runs are one, and for people. */
import { createHash } from 'node:crypto';
import type { Timeline } from './timeline.ts';

/** `plan`: faults and operators; `store`: commits; `world`: processes, disks, routes; `log`: what mill's parts complain of. */
export type Source = 'plan' | 'store' | 'world' | 'log';

interface Line {
  readonly atMs: number;
  readonly source: Source;
  readonly text: string;
}

export class Chronicle {
  readonly #timeline: Timeline;
  readonly #lines: Line[] = [];

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  note(source: Source, text: string): void {
    this.#lines.push({ atMs: this.#timeline.elapsedMs, source, text });
  }

  get length(): number {
    return this.#lines.length;
  }

  /** The same for the same history, to the last byte. */
  hash(): string {
    return createHash('sha256').update(this.#lines.map(written).join('')).digest('hex');
  }

  /** The last lines, plans in full: they say what was done to the cluster. */
  story(limit: number): readonly string[] {
    const from = Math.max(0, this.#lines.length - limit);
    return this.#lines
      .filter(({ source }, index) => source === 'plan' || index >= from)
      .map((line) => written(line).trimEnd());
  }
}

const written = ({ atMs, source, text }: Line): string =>
  `${(atMs / 1_000).toFixed(4).padStart(9)} ${source.padEnd(5)} ${text}\n`;
