/** How the conformance suite gets at an engine. */
import type { Admission, Store } from '../../api/store.ts';

export interface OpenOptions {
  readonly admission?: Admission;
  readonly historyLimit?: number;
}

/** How the suite gets at an engine. One harness a test. */
export interface StoreHarness {
  /** Ephemeral objects outlive the store's process: they are in the memory of others, and counted apart. */
  readonly keepsEphemeral: boolean;
  /** A new, empty store. */
  open(options?: OpenOptions): Promise<Store>;
  /** The same store, closed and opened again. */
  reopen(options?: OpenOptions): Promise<Store>;
  /** The same store, as it is after its process was killed. */
  crash(options?: OpenOptions): Promise<Store>;
  /** Closes and deletes everything. */
  dispose(): Promise<void>;
}

/** The harness of the test that runs. */
export type Given = () => StoreHarness;
