/** Work on stores as a whole, which `main.ts` hands to the command line: this layer knows what is done, not how. */
import type { Problem } from '../audit/check.ts';
import type { OpenedBackup } from '../backup/read.ts';
import type { KindName } from '../kinds/index.ts';
import type { NatsTarget } from './processes.ts';

/** Where a store is: in the data directory of a server that does not run, or in a NATS cluster. */
export type StorePlace = { readonly data: string } | { readonly nats: NatsTarget };

/** How many objects there are of each kind; kinds of which there are none are left out. */
export type ObjectCounts = Readonly<Partial<Record<KindName, number>>>;

export interface RestoreOptions {
  readonly dryRun: boolean;
  /** Gives up, and leaves nothing behind. */
  readonly signal: AbortSignal;
  /** Directory of local volumes; absent: in the data directory, or where they were. */
  readonly volumes?: string;
}

export interface Restored {
  /** Where the store is now, for people. */
  readonly place: string;
  readonly objects: ObjectCounts;
  /** What the store goes on after; absent in a dry run. */
  readonly revision?: number;
}

export interface StoreVerdict {
  /** What was read, for people. */
  readonly place: string;
  readonly revision: number;
  readonly objects: ObjectCounts;
  /** About the store itself: its journals, its size. */
  readonly facts: Readonly<Record<string, string | number>>;
  /** What is odd and puts itself right. */
  readonly warnings: readonly string[];
  readonly problems: readonly Problem[];
}

/** All throw Error in one line. */
export interface Stores {
  /** Without a server. @param mill version that writes it */
  backUp(place: StorePlace, mill: string): Promise<Iterable<Uint8Array>>;
  /** Only where nothing is. In a dry run all is read and checked, and nothing is written. */
  restore(backup: OpenedBackup, place: StorePlace, options: RestoreOptions): Promise<Restored>;
  /** Reads all of it; changes nothing. */
  verify(place: StorePlace | { readonly backup: OpenedBackup; readonly file: string }): Promise<StoreVerdict>;
}
