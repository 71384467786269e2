/**
 * What the engine asks of a stream: a log with compare-and-set on its last sequence. `nats-stream.ts` does it over NATS;
 * the simulation has a model that behaves as JetStream was measured to.
 */
import type { ApiError } from '../../../api/errors.ts';

/** In place of the sequence of the record before: it is stored wherever it comes. */
export const ANYWHERE = -1;

/** A record on its way to the stream. */
export interface Outgoing {
  readonly subject: string;
  /** Sequence of the record before it: it is stored only where that is the last one. */
  readonly after: number;
  /** Also only where the record before it is the one that its header names: what was sent just before it, maybe not stored. */
  readonly isChained: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly data: string;
}

/** A record as the stream has it. */
export interface Incoming {
  readonly sequence: number;
  readonly subject: string;
  /** Empty where there is none of that name. */
  header(name: string): string;
  text(): string;
  /** When the stream took it, in milliseconds since the epoch. */
  readonly timeMs: number;
}

/** What is known of a record, or of several that were sent together, after it was sent. */
export type PublishOutcome =
  /** It is there for good. */
  | { readonly type: 'stored'; readonly sequence: number }
  /** Its place is taken: by another record, or by this one where it was sent before. The log tells which. */
  | { readonly type: 'overtaken' }
  /** It was not stored, and never will be. */
  | { readonly type: 'refused'; readonly error: ApiError }
  /** No answer, or none that can be believed: the log will tell. */
  | { readonly type: 'unknown'; readonly cause: Error };

/**
 * How several records may be under way. `pipelined`: each names the id of the one before it, which the stream checks (one
 * replica only). `batches`: all or nothing, one batch after the other. `serial`: one record after the other.
 */
export type SendingMode = 'pipelined' | 'batches' | 'serial';

export interface StreamTraits {
  /** May change at any time; what is under way is sent again as it was sent. */
  readonly mode: SendingMode;
  /** Largest record, headers included. */
  readonly maxRecordBytes: number;
}

export interface StreamPosition {
  /** First sequence that is still there. */
  readonly first: number;
  /** Last sequence; 0 in a stream that never had a record. */
  readonly last: number;
  /** When the stream was created, as its servers write it: another time is another stream. */
  readonly created: string;
  /** What its maker wrote on it. */
  readonly description: string;
}

/** Where the follower was when the stream was asked for its position. */
export interface BeforeOpening {
  /** Its position: what the stream says must not be below it. */
  readonly knew: number;
  /** How long nothing had been heard. */
  readonly gapMs: number;
}

/** Who follows a stream. */
export interface Follower {
  /** The sequence after which to go on, asked whenever reading begins again. */
  position(): number;
  /**
   * Reading begins, or begins again after a break.
   * @returns false where the stream is not the one that was followed: it is given up
   */
  onOpened(position: StreamPosition, before: BeforeOpening): boolean;
  onRecord(record: Incoming): void;
  /** There is no such stream, as the server says that was asked; asked again, and said again, until the follower gives up. */
  onMissing?(): void;
  /** Whether the follower knew of the record before; absent: it knows of none. */
  isKnown?(record: Incoming): boolean;
  /** A sign of life of the stream, also where nothing was stored. */
  onContact(): void;
}

export interface CommitStream {
  readonly traits: StreamTraits;
  publish(record: Outgoing): Promise<PublishOutcome>;
  /** All or nothing; `sequence` is that of the last. Where `mode` is `batches`. */
  publishTogether(records: readonly Outgoing[]): Promise<PublishOutcome>;
  /** @throws Error where nobody answers, or there is no such stream */
  position(): Promise<StreamPosition>;
  /** Reads in order, without a gap but for what was superseded, and begins again after every break. Ends with the signal. */
  follow(follower: Follower, signal: AbortSignal): void;
}
