/**
 * A copy of some objects, kept current by list and watch, for commands that follow what goes on. It outlives a
 * lost connection for a bounded time. Who follows looks at the objects as they are now: nothing depends on having
 * seen every change.
 */

import type { Client } from '../../client/client.ts';
import { type Clock, sleep } from '../../clock.ts';
import type { AnyObject, KindName, ObjectOf } from '../../kinds/index.ts';
import { isApiError, isConnectionError } from '../exit.ts';
import { listAll } from '../objects.ts';

/** How long to try to reach a server that is gone: a restart takes seconds; after a minute a person should know. */
export const RECONNECT_LIMIT_MS = 60_000;
/** First and longest wait between two attempts. */
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 2_000;

export interface Feed {
  readonly kind: KindName;
  readonly fieldSelector?: string;
}

export interface MirrorOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The connection is gone: once per loss. */
  onLost?(error: Error): void;
  /** All is followed again. */
  onRestored?(): void;
}

export class Mirror {
  readonly #client: Client;
  readonly #feeds: readonly Feed[];
  readonly #options: MirrorOptions;
  readonly #objects = new Map<KindName, Map<string, AnyObject>>();
  readonly #listed = new Set<Feed>();
  readonly #lost = new Set<Feed>();
  #lostAtMs = 0;
  #dirty = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = () => {};

  constructor(client: Client, feeds: readonly Feed[], options: MirrorOptions) {
    this.#client = client;
    this.#feeds = feeds;
    this.#options = options;
  }

  get<K extends KindName>(kind: K, name: string): ObjectOf<K> | undefined {
    return this.#objects.get(kind)?.get(name) as ObjectOf<K> | undefined;
  }

  list<K extends KindName>(kind: K): readonly ObjectOf<K>[] {
    return [...(this.#objects.get(kind)?.values() ?? [])] as ObjectOf<K>[];
  }

  /**
   * Yields when all feeds are listed, and after changes since; several changes may come as one.
   * Ends with the signal. @throws ConnectionError after `RECONNECT_LIMIT_MS` without the server; ApiError
   */
  async *changes(): AsyncGenerator<void> {
    const stop = new AbortController();
    const signal = AbortSignal.any([this.#options.signal, stop.signal]);
    const wakeUp = () => this.#wake();
    signal.addEventListener('abort', wakeUp);
    const followed = Promise.all(this.#feeds.map((feed) => this.#follow(feed, signal)));
    followed.catch((error: unknown) => {
      this.#failure = { error };
      this.#wake();
    });
    try {
      for (;;) {
        if (!this.#dirty) await this.#changed(signal);
        if (this.#failure) throw this.#failure.error;
        if (signal.aborted) return;
        this.#dirty = false;
        if (this.#listed.size === this.#feeds.length) yield;
      }
    } finally {
      signal.removeEventListener('abort', wakeUp);
      stop.abort();
    }
  }

  /** Reads all feeds once more: the watches of two kinds are not in step with each other. */
  async refresh(): Promise<void> {
    await Promise.all(this.#feeds.map((feed) => this.#list(feed)));
  }

  #changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (signal.aborted || this.#failure || this.#dirty) resolve();
    });
  }

  async #follow(feed: Feed, signal: AbortSignal): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    while (!signal.aborted) {
      let isWatching = false;
      try {
        const resourceVersion = await this.#list(feed);
        this.#restored(feed);
        isWatching = true;
        retryMs = FIRST_RETRY_MS;
        await this.#watch(feed, resourceVersion, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!isTransient(error)) throw error;
        // A watch may end at any time; that the server is gone shows when the list after it fails.
        if (!isWatching) this.#judgeLoss(feed, error);
      }
      await sleep(this.#options.clock, retryMs, signal);
      retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
    }
  }

  async #list({ kind, fieldSelector }: Feed): Promise<string> {
    const list = await listAll(this.#client, kind, fieldSelector ? { fieldSelector } : {});
    this.#objects.set(kind, new Map(list.items.map((object) => [object.metadata.name, object])));
    return list.resourceVersion;
  }

  async #watch({ kind, fieldSelector }: Feed, resourceVersion: string, signal: AbortSignal): Promise<void> {
    const request = { resourceVersion, signal, ...(fieldSelector ? { fieldSelector } : {}) };
    for await (const event of this.#client.watch(kind, request)) {
      if (event.type === 'BOOKMARK') continue;
      const objects = this.#objects.get(kind);
      if (event.type === 'DELETED') objects?.delete(event.object.metadata.name);
      else objects?.set(event.object.metadata.name, event.object);
      this.#notify();
    }
  }

  /** @throws the error, where the server has been away for long */
  #judgeLoss(feed: Feed, error: Error): void {
    const nowMs = this.#options.clock.now();
    if (this.#lost.size === 0) {
      this.#lostAtMs = nowMs;
      this.#options.onLost?.(error);
    }
    this.#lost.add(feed);
    if (nowMs - this.#lostAtMs >= RECONNECT_LIMIT_MS) throw error;
  }

  #restored(feed: Feed): void {
    this.#listed.add(feed);
    const wasLost = this.#lost.delete(feed);
    if (wasLost && this.#lost.size === 0) this.#options.onRestored?.();
    this.#notify();
  }

  #notify(): void {
    this.#dirty = true;
    this.#wake();
  }
}

/** Worth another try: what a restart of the server looks like, or a revision that is too old to watch from. */
const TRANSIENT = ['Expired', 'ServiceUnavailable', 'Timeout', 'TooManyRequests'];

function isTransient(error: unknown): error is Error {
  if (isApiError(error)) return TRANSIENT.includes(error.reason);
  return isConnectionError(error);
}
