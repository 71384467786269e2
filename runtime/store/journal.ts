/** The journal: appends records to the newest journal file; an append is done when the disk has it. */
import fs from 'node:fs';
import { FrameEncoder } from './frame.ts';
import { PREALLOCATED_BYTES, type Segment, SYNCED_WRITES } from './segment.ts';
import type { StoredWrite } from './staging.ts';

/** Zeros left ahead of the records when more are written: time enough for the disk to be ahead of the commits. */
const LOW_WATER_BYTES = PREALLOCATED_BYTES / 2;

/** Zeros written at a time: more would keep the disk busy for long enough to delay a commit. */
const EXTENSION_BYTES = 256 * 1024;

/** One record: all that was committed by one write to the disk, so that it is there as a whole or not at all. */
export interface JournalRecord {
  /** `revision` of the record before: shows that none is missing between the two. */
  readonly previous: number;
  /** Revision of the store after this record. */
  readonly revision: number;
  /** Revisions up to here may have been given to ephemeral objects: a restart goes on after it. */
  readonly reserved: number;
  readonly commits: readonly (readonly StoredWrite[])[];
}

type Done = (error: Error | null) => void;

/** One append at a time; the caller groups what waits meanwhile. */
export class Journal {
  readonly #encoder = new FrameEncoder();
  #segment: Segment;
  #bytes: number;
  #extension: Promise<void> | undefined;
  #failure: Error | undefined;

  /** @param bytes size of all records since the snapshot */
  constructor(segment: Segment, bytes: number) {
    this.#segment = segment;
    this.#bytes = bytes;
  }

  /** Bytes of all records since the last snapshot began. */
  get bytes(): number {
    return this.#bytes;
  }

  get number(): number {
    return this.#segment.number;
  }

  /**
   * Calls back when the record is durable, or with the error after which nothing can be said of it. A journal
   * that has failed must not be used again: the kernel reports a lost write once, and a second sync would succeed.
   */
  append(payload: string, done: Done): void {
    const frame = this.#encoder.encode(payload);
    const { endOffset, allocatedBytes } = this.#segment;
    if (this.#extension && endOffset + frame.length > allocatedBytes) {
      // The zeros on their way must not overwrite the record.
      void this.#extension.then(() => this.#write(frame, done));
    } else {
      this.#write(frame, done);
    }
  }

  /** From now on records go to another file. Not while an append is under way. */
  async switchTo(segment: Segment): Promise<void> {
    const { handle } = this.#segment;
    const extension = this.#extension;
    this.#segment = segment;
    this.#extension = undefined;
    this.#bytes = segment.endOffset;
    await extension;
    await handle.close();
  }

  /** Not while an append is under way. */
  async close(): Promise<void> {
    await this.#extension;
    await this.#segment.handle.close();
  }

  #write(frame: Buffer, done: Done, written = 0): void {
    if (this.#failure) {
      done(this.#failure);
      return;
    }
    const segment = this.#segment;
    const { fd } = segment.handle;
    fs.write(fd, frame, written, frame.length - written, segment.endOffset + written, (error, count) => {
      if (error) done(error);
      else if (written + count < frame.length) this.#write(frame, done, written + count);
      else if (SYNCED_WRITES) this.#appended(frame.length, done);
      else
        fs.fdatasync(fd, (syncError) => (syncError ? done(syncError) : this.#appended(frame.length, done)));
    });
  }

  #appended(length: number, done: Done): void {
    const segment = this.#segment;
    segment.endOffset += length;
    segment.allocatedBytes = Math.max(segment.allocatedBytes, segment.endOffset);
    this.#bytes += length;
    if (!this.#extension && segment.allocatedBytes - segment.endOffset < LOW_WATER_BYTES) {
      this.#extension = this.#extend(segment);
    }
    done(null);
  }

  /** Never rejects: an error counts at the next append. */
  async #extend(segment: Segment): Promise<void> {
    try {
      const zeros = Buffer.alloc(EXTENSION_BYTES);
      await segment.handle.write(zeros, 0, zeros.length, segment.allocatedBytes);
      if (!SYNCED_WRITES) await segment.handle.datasync();
      segment.allocatedBytes += zeros.length;
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    }
    if (this.#segment === segment) this.#extension = undefined;
  }
}
