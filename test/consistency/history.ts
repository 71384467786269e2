/** What the processes of a run did and saw: a line each, in a file for each process, so that a kill loses nothing. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Action } from './linearizability.ts';

/** An object, and the revision of it that was read; 0: it was not there. */
export type Version = readonly [object: string, revision: number];

/** What became of an attempt: `unknown` is what a caller is told by a timeout, and what a killed process leaves. */
export type Outcome = 'done' | 'refused' | 'unavailable' | 'unknown';

/** A change as a process was shown it. */
export interface Sighting {
  readonly revision: number;
  readonly object: string;
  /** The attempt that wrote it; empty for a deletion. */
  readonly attempt: string;
  readonly isDeleted?: true;
  /** What it was decided on. */
  readonly reads?: readonly Version[];
  /** Of an alloc: its node, and whether it is over. */
  readonly node?: string;
  readonly isOver?: boolean;
  /** Of a node: it takes no allocs any more. */
  readonly isLeaving?: boolean;
  readonly isRemoved?: boolean;
}

export type Line =
  | { readonly type: 'opened'; readonly ms: number; readonly revision: number; readonly tookMs: number }
  /** `counter` and `action`: of what is checked for linearizability. */
  | {
      readonly type: 'begun';
      readonly ms: number;
      readonly attempt: string;
      readonly what: string;
      readonly counter?: string;
      readonly action?: Action;
    }
  | {
      readonly type: 'ended';
      readonly ms: number;
      readonly attempt: string;
      readonly outcome: Outcome;
      readonly value?: number;
      readonly wrote?: readonly Version[];
      readonly message?: string;
    }
  | ({ readonly type: 'saw' } & Sighting)
  /** Something that must not be. */
  | { readonly type: 'wrong'; readonly ms: number; readonly message: string }
  /** The log was read again: for the reader of a history. */
  | { readonly type: 'noted'; readonly ms: number; readonly message: string };

/** The same clock for all processes of a machine, in milliseconds. */
export const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;

export class HistoryFile {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, 'a');
  }

  write(line: Line): void {
    writeSync(this.#file, `${JSON.stringify(line)}\n`);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** The lines of each process. */
export async function readHistories(dir: string): Promise<ReadonlyMap<string, readonly Line[]>> {
  const histories = new Map<string, readonly Line[]>();
  for (const name of (await readdir(dir)).filter((each) => each.endsWith('.jsonl')).sort()) {
    const text = await readFile(join(dir, name), 'utf8');
    // What a killed process had begun to write is no line.
    const whole = text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .slice(0, -1);
    histories.set(
      name,
      whole.map((line) => JSON.parse(line) as Line),
    );
  }
  return histories;
}
