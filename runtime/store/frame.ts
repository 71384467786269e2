/**
 * Frames: how journals and snapshots hold JSON on disk. `magic | CRC-32 | length | payload`, all numbers 32-bit
 * little-endian; the checksum covers length and payload. The magic starts with a byte that no UTF-8 text has, so
 * a frame can be found again behind a damaged one.
 */
import fs from 'node:fs';
import { crc32 } from 'node:zlib';

const MAGIC = Buffer.from([0xff, 0x4d, 0x4c, 0x31]);
const CHECKSUM_AT = 4;
const LENGTH_AT = 8;
const FRAME_HEADER_BYTES = 12;
/** A UTF-16 code unit takes at most three bytes in UTF-8. */
const MAX_BYTES_PER_CODE_UNIT = 3;
/** Frames up to this size are encoded in place, without an allocation for each commit. */
const REUSED_BYTES = 256 * 1024;
/** Piece in which a file is looked through for zeros. */
const SCAN_BYTES = 256 * 1024;

/** Encodes one frame at a time; a frame is valid until the next one is encoded. */
export class FrameEncoder {
  readonly #reused = Buffer.allocUnsafe(REUSED_BYTES);

  encode(payload: string): Buffer {
    const most = FRAME_HEADER_BYTES + payload.length * MAX_BYTES_PER_CODE_UNIT;
    const buffer =
      most <= REUSED_BYTES
        ? this.#reused
        : Buffer.allocUnsafe(FRAME_HEADER_BYTES + Buffer.byteLength(payload, 'utf8'));
    MAGIC.copy(buffer);
    const length = buffer.write(payload, FRAME_HEADER_BYTES, 'utf8');
    buffer.writeUInt32LE(length, LENGTH_AT);
    const frame = buffer.subarray(0, FRAME_HEADER_BYTES + length);
    frame.writeUInt32LE(crc32(frame.subarray(LENGTH_AT)), CHECKSUM_AT);
    return frame;
  }
}

/** What stands at an offset of a file. `end`: nothing but zeros, or nothing at all. */
type FrameRead =
  | { readonly type: 'frame'; readonly payload: string; readonly endOffset: number }
  | { readonly type: 'end' }
  | { readonly type: 'bad'; readonly reason: string };

/** @param fileBytes size of the file */
export function readFrame(file: number, offset: number, fileBytes: number): FrameRead {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  const read = fs.readSync(file, header, 0, FRAME_HEADER_BYTES, offset);
  if (read < FRAME_HEADER_BYTES || !header.subarray(0, MAGIC.length).equals(MAGIC)) {
    if (isZero(file, offset, fileBytes)) return { type: 'end' };
    return { type: 'bad', reason: read < FRAME_HEADER_BYTES ? 'cut short' : 'no record starts here' };
  }
  const length = header.readUInt32LE(LENGTH_AT);
  const endOffset = offset + FRAME_HEADER_BYTES + length;
  if (endOffset > fileBytes) return { type: 'bad', reason: 'cut short' };
  const covered = Buffer.allocUnsafe(FRAME_HEADER_BYTES - LENGTH_AT + length);
  fs.readSync(file, covered, 0, covered.length, offset + LENGTH_AT);
  if (crc32(covered) !== header.readUInt32LE(CHECKSUM_AT)) return { type: 'bad', reason: 'wrong checksum' };
  return { type: 'frame', payload: covered.toString('utf8', FRAME_HEADER_BYTES - LENGTH_AT), endOffset };
}

/** Offset of the first valid frame that starts at `from` or later. */
export function findFrame(file: number, from: number, fileBytes: number): number | undefined {
  const rest = Buffer.alloc(Math.max(0, fileBytes - from));
  fs.readSync(file, rest, 0, rest.length, from);
  for (let at = rest.indexOf(MAGIC); at >= 0; at = rest.indexOf(MAGIC, at + 1)) {
    if (readFrame(file, from + at, fileBytes).type === 'frame') return from + at;
  }
  return undefined;
}

function isZero(file: number, from: number, fileBytes: number): boolean {
  const zeros = Buffer.alloc(SCAN_BYTES);
  const piece = Buffer.alloc(SCAN_BYTES);
  for (let offset = from; offset < fileBytes; offset += SCAN_BYTES) {
    const read = fs.readSync(file, piece, 0, SCAN_BYTES, offset);
    if (piece.compare(zeros, 0, read, 0, read) !== 0) return false;
  }
  return true;
}
