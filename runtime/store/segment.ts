/** One journal file: made in advance, filled with zeros, so that an append changes no metadata of the file system. */
import { constants } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { FrameEncoder } from './frame.ts';
import { journalPath, syncDirectory } from './layout.ts';

/**
 * Bytes of zeros written ahead of the records: about a thousand commits. An append into them is a quarter faster
 * than one that makes the file longer.
 */
export const PREALLOCATED_BYTES = 1024 * 1024;
/**
 * A write on Linux returns when it is on disk: one hop to the thread pool instead of two. Elsewhere the flag is
 * missing or promises less, so a sync follows the write.
 */
export const SYNCED_WRITES = process.platform === 'linux' ? constants.O_DSYNC : 0;
export const JOURNAL_FORMAT = 'mill-journal';
export const JOURNAL_VERSION = 1;

/** First record of a journal file. */
export interface SegmentHeader {
  readonly format: typeof JOURNAL_FORMAT;
  readonly version: number;
  readonly number: number;
}

/** A journal file that is open for appending. */
export interface Segment {
  readonly number: number;
  readonly path: string;
  readonly handle: FileHandle;
  /** Where the next record goes. */
  endOffset: number;
  /** Up to here the file exists; zeros from `endOffset` on. */
  allocatedBytes: number;
}

/** Creates journal `number`, or what is left of an attempt to, durable with its name. */
export async function createSegment(dir: string, number: number): Promise<Segment> {
  const path = journalPath(dir, number);
  const handle = await open(
    path,
    constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC | SYNCED_WRITES,
    0o600,
  );
  try {
    const header: SegmentHeader = { format: JOURNAL_FORMAT, version: JOURNAL_VERSION, number };
    const frame = new FrameEncoder().encode(JSON.stringify(header));
    const content = Buffer.alloc(PREALLOCATED_BYTES);
    frame.copy(content);
    await handle.write(content, 0, content.length, 0);
    await handle.sync();
    await syncDirectory(dir);
    return { number, path, handle, endOffset: frame.length, allocatedBytes: content.length };
  } catch (error) {
    await handle.close();
    // On a disk that is full, half a file of zeros is in the way.
    await rm(path, { force: true });
    throw error;
  }
}

/** Opens a journal to go on at `endOffset`. @param cut something torn stands there: it is removed first */
export async function resumeSegment(
  dir: string,
  number: number,
  { endOffset, cut }: { endOffset: number; cut: boolean },
): Promise<Segment> {
  const path = journalPath(dir, number);
  const handle = await open(path, constants.O_RDWR | SYNCED_WRITES);
  try {
    if (cut) {
      await handle.truncate(endOffset);
      await handle.sync();
    }
    const { size } = await handle.stat();
    return { number, path, handle, endOffset, allocatedBytes: size };
  } catch (error) {
    await handle.close();
    throw error;
  }
}
