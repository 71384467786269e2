/** Snapshots: the whole state in one checksummed file, written beside the running store and renamed into place. */
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { type AnyObject, isEphemeral, KIND_NAMES } from '../../api/kinds/index.ts';
import { FrameEncoder, readFrame } from './frame.ts';
import { snapshotPath, syncDirectory, unfinishedPath } from './layout.ts';
import { SYNCED_WRITES } from './segment.ts';
import type { MutableState } from './state.ts';

const SNAPSHOT_FORMAT = 'mill-snapshot';
const SNAPSHOT_VERSION = 1;
/** Objects turned into JSON at a time, below a millisecond: the event loop is free between two pieces. */
const PIECE_OBJECTS = 64;

/** First record of a snapshot. */
interface SnapshotHeader {
  readonly format: typeof SNAPSHOT_FORMAT;
  readonly version: number;
  /** Revision of the store. */
  readonly revision: number;
  /** `revision` of the last journal record that is in the snapshot. */
  readonly recorded: number;
  /** See `JournalRecord.reserved`. */
  readonly reserved: number;
  /** How many objects follow. */
  readonly objects: number;
}

/** What a snapshot is written of. */
export interface Image {
  readonly header: SnapshotHeader;
  readonly objects: Iterable<AnyObject> | AsyncIterable<AnyObject>;
}

/** The state at one moment: costs a reference an object, since objects never change. */
export function captureImage(state: MutableState, recorded: number, reserved: number): Image {
  const objects: AnyObject[] = [];
  for (const kind of KIND_NAMES) {
    if (!isEphemeral(kind)) for (const object of state.values(kind)) objects.push(object);
  }
  const { revision } = state;
  return { header: snapshotHeader({ revision, recorded, reserved, objects: objects.length }), objects };
}

export const snapshotHeader = (
  fields: Pick<SnapshotHeader, 'revision' | 'recorded' | 'reserved' | 'objects'>,
): SnapshotHeader => ({ format: SNAPSHOT_FORMAT, version: SNAPSHOT_VERSION, ...fields });

/**
 * Writes snapshot `number`; it is there as a whole or not at all.
 * @param signal gives up early, without a trace
 * @returns its size in bytes
 */
export async function writeSnapshot(
  dir: string,
  number: number,
  image: Image,
  signal: AbortSignal,
): Promise<number> {
  const path = unfinishedPath(dir, number);
  try {
    // Each piece goes to disk by itself: one sync of it all at the end would stall the commits meanwhile.
    const handle = await open(
      path,
      constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | SYNCED_WRITES,
      0o600,
    );
    let bytes: number;
    try {
      bytes = await writePieces(handle, image, signal);
      await handle.sync();
    } finally {
      await handle.close();
    }
    signal.throwIfAborted();
    await rename(path, snapshotPath(dir, number));
    await syncDirectory(dir);
    return bytes;
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
}

async function writePieces(
  handle: FileHandle,
  { header, objects }: Image,
  signal: AbortSignal,
): Promise<number> {
  const encoder = new FrameEncoder();
  let bytes = 0;
  const write = async (content: unknown) => {
    const frame = encoder.encode(JSON.stringify(content));
    await handle.write(frame, 0, frame.length, bytes);
    bytes += frame.length;
  };
  await write(header);
  let piece: AnyObject[] = [];
  for await (const object of objects) {
    piece.push(object);
    if (piece.length < PIECE_OBJECTS) continue;
    signal.throwIfAborted();
    await write(piece);
    piece = [];
  }
  if (piece.length > 0) await write(piece);
  return bytes;
}

/**
 * Reads a snapshot back.
 * @throws Error naming file and offset where it is damaged
 */
export function readSnapshot(
  path: string,
  onObject: (object: AnyObject) => void,
): { readonly header: SnapshotHeader; readonly bytes: number } {
  const file = openSync(path, 'r');
  try {
    const fileBytes = fstatSync(file).size;
    let header: SnapshotHeader | undefined;
    let objects = 0;
    let offset = 0;
    while (offset < fileBytes || !header) {
      const read = readFrame(file, offset, fileBytes);
      if (read.type !== 'frame') {
        throw new Error(
          `${path} is damaged at byte ${offset} (${read.type === 'bad' ? read.reason : 'cut short'})`,
        );
      }
      if (!header) {
        header = parseHeader(read.payload, path);
      } else {
        for (const object of JSON.parse(read.payload) as AnyObject[]) {
          onObject(object);
          objects += 1;
        }
      }
      offset = read.endOffset;
    }
    if (objects !== header.objects) {
      throw new Error(
        `${path} is damaged at byte ${offset} (${objects} of ${header.objects} objects are there)`,
      );
    }
    return { header, bytes: fileBytes };
  } finally {
    closeSync(file);
  }
}

function parseHeader(payload: string, path: string): SnapshotHeader {
  const header = JSON.parse(payload) as SnapshotHeader;
  if (header.format !== SNAPSHOT_FORMAT || header.version !== SNAPSHOT_VERSION) {
    throw new Error(`${path} is of a format that this version of mill does not read`);
  }
  return header;
}
