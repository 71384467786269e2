/** What is done to a store as a whole, whatever keeps it. */
import type { Problem } from '../../../api/audit/check.ts';
import type { Reader } from '../../../api/store.ts';
import type { ImportedObjects } from '../../../runtime/store/import.ts';

export interface StoreReading {
  /** Absent where the objects cannot be read: `problems` says why. */
  readonly state?: Reader;
  readonly revision: number;
  /** Id of the cluster, where the store has one. */
  readonly cluster?: string;
  readonly facts: Readonly<Record<string, string | number>>;
  readonly warnings: readonly string[];
  /** Of the store itself; the objects are not judged yet. */
  readonly problems: readonly Problem[];
}

/** All throw Error in one line. */
export interface StoreAccess {
  /** Where it is, for people. */
  readonly place: string;
  /** Reads all of it, and changes nothing. */
  read(): Promise<StoreReading>;
  refuseUnlessEmpty(): Promise<void>;
  /** Where its servers have local volumes unless they are told otherwise; absent: they have none of their own. */
  readonly volumes?: string;
  /** All, or nothing. @returns the revision that the store goes on after */
  import(objects: ImportedObjects): Promise<number>;
  close(): Promise<void>;
}
