/** What a kind's file declares: names, schemas, indexes, printer columns. One file a kind. */
import type { TSchema } from '@sinclair/typebox';
import type { Resource } from '../meta.ts';
import type { Reader } from '../store.ts';

/** A column of `mill get` and of `kubectl get` (the server prints, so that every client shows the same). */
export interface Column<O> {
  readonly name: string;
  /** Shown with `-o wide` only. */
  readonly wide?: boolean;
  readonly description: string;
  value(object: O, reader: Reader, nowMs: number): string | number;
}

export interface KindDefinition<O extends Resource<string, unknown, unknown>> {
  readonly kind: O['kind'];
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly description: string;
  readonly spec: TSchema;
  readonly status: TSchema;
  /** Status of a new object. */
  readonly initialStatus: O['status'];
  /** Index name → the keys under which an object stands in it. */
  readonly indexes: Readonly<Record<string, (object: O) => readonly string[]>>;
  /** Fields for `fieldSelector`, beside `metadata.name`: path → value. */
  readonly fields: Readonly<Record<string, (object: O) => string>>;
  readonly columns: readonly Column<O>[];
  /** Finalizers that a new object gets: the controller named by it must let go before the object is deleted. */
  readonly finalizers?: readonly string[];
  /** Lives in memory only and is gone with the server: heartbeats. */
  readonly ephemeral?: true;
  /** Written by mill itself; operators read it, and may delete it, but do not create or change it. */
  readonly internal?: true;
}
