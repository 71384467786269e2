/**
 * The format of a backup: JSON lines. A header, then one line an object, kind by kind and sorted by name, then a line
 * that says how many there were and what all bytes before it hash to. docs/backup.md describes it for people.
 */
import { isEphemeral, KIND_NAMES, type KindName } from '../kinds/index.ts';
import { MAX_OBJECT_BYTES } from '../validation/plain.ts';

export const BACKUP_FORMAT = 'mill-backup';
export const BACKUP_VERSION = 1;
/** JSON lines, as nobody has registered a type for them yet. */
export const BACKUP_MEDIA_TYPE = 'application/x-ndjson';

const PARTS_OF_AN_OBJECT = 3;
/** `\u0000` for one byte. */
const WORST_ESCAPE = 6;
/** Longest line: an object whose metadata, spec and status are as large as the API takes each, all of it escaped. */
export const MAX_LINE_BYTES = PARTS_OF_AN_OBJECT * WORST_ESCAPE * MAX_OBJECT_BYTES;

/** First line. */
export interface BackupHeader {
  readonly format: typeof BACKUP_FORMAT;
  readonly version: number;
  /** Version of mill that wrote it. */
  readonly mill: string;
  /** Id of the cluster, where its store has one. */
  readonly cluster?: string;
  /** Revision of the state that it holds. */
  readonly revision: number;
  /** How many objects follow. */
  readonly objects: number;
  /** When it was written, RFC 3339. */
  readonly time: string;
}

/** Last line. */
export interface BackupEnd {
  readonly end: {
    readonly objects: number;
    /** Of all bytes before this line, in hex. */
    readonly sha256: string;
  };
}

/** How the last line begins; no object does. */
export const END_PREFIX = '{"end":';

/** Kinds that a backup holds: heartbeats are of no use to anybody later. */
export const backedUpKinds = (): readonly KindName[] => KIND_NAMES.filter((kind) => !isEphemeral(kind));

/** A backup that cannot be read. The message names the line. */
export class BackupError extends Error {
  override readonly name = 'BackupError';
  /** From 1. */
  readonly line: number;
  readonly reason: string;

  constructor(line: number, reason: string, options?: ErrorOptions) {
    super(`line ${line}: ${reason}`, options);
    this.line = line;
    this.reason = reason;
  }
}
