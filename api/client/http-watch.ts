/** Watches over HTTP: frames become events; an end that nobody asked for is a broken connection. */
import type { AnyObject, KindName, ObjectOf } from '../kinds/index.ts';
import type { Table } from '../server/table.ts';
import { ConnectionError, type WatchEvent, type WatchRequest } from './client.ts';
import { statusError } from './failures.ts';
import { readFrames } from './frames.ts';
import { collectionPath, queryOf } from './paths.ts';
import type { Transport } from './transport.ts';

/** Asks for tables. */
export const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

/** One that breaks as soon as it is open is not opened again here: whoever reads it tries again, with pauses. */
const RESUME_AFTER_MS = 1_000;

export interface TableEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  /** The object's row. */
  readonly table: Table;
}

interface Frame {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: unknown;
}

/**
 * @param saw told each event's revision
 * @throws ApiError Expired; ConnectionError when the stream breaks
 */
export async function* watch<K extends KindName>(
  transport: Transport,
  kind: K,
  request: WatchRequest,
  saw: (resourceVersion: string) => void,
): AsyncGenerator<WatchEvent<K>> {
  for await (const { type, object } of watchFrames(transport, kind, request, 'application/json')) {
    const { resourceVersion } = (object as AnyObject).metadata;
    saw(resourceVersion);
    if (type === 'BOOKMARK') {
      yield { type, resourceVersion };
    } else {
      yield { type, object: object as ObjectOf<K> };
    }
  }
}

export async function* watchTable(
  transport: Transport,
  kind: KindName,
  request: WatchRequest,
): AsyncGenerator<TableEvent> {
  for await (const { type, object } of watchFrames(transport, kind, request, TABLE)) {
    yield { type, table: object as Table };
  }
}

/** Where there are several servers, a watch that breaks goes on at the next one, after what it has told last. */
async function* watchFrames(
  transport: Transport,
  kind: KindName,
  request: WatchRequest,
  accept: string,
): AsyncGenerator<Frame> {
  const { clock, hasSeveral } = transport;
  let { resourceVersion } = request;
  // What there is at the start comes in no order of revisions: nobody could say what is still missing.
  const isResumable = hasSeveral && resourceVersion !== '0';
  for (;;) {
    let openedMs = Number.POSITIVE_INFINITY;
    const onOpen = () => {
      openedMs = clock.now();
    };
    try {
      for await (const frame of openFrames(
        transport,
        kind,
        { ...request, resourceVersion },
        accept,
        onOpen,
      )) {
        resourceVersion = (frame.object as AnyObject).metadata.resourceVersion;
        yield frame;
      }
      return;
    } catch (error) {
      const hasLasted = clock.now() - openedMs >= RESUME_AFTER_MS;
      if (!isResumable || !hasLasted || !(error instanceof ConnectionError)) throw error;
    }
  }
}

async function* openFrames(
  transport: Transport,
  kind: KindName,
  { signal, bookmarks, ...query }: WatchRequest,
  accept: string,
  onOpen: () => void,
): AsyncGenerator<Frame> {
  const path = collectionPath(kind) + queryOf({ watch: true, allowWatchBookmarks: bookmarks, ...query });
  yield* stream(signal, `the watch of ${kind} ended`, async function* () {
    const options = { accept, unlimited: true, resumable: true, signal };
    const response = await transport.open('GET', path, options);
    onOpen();
    for await (const frame of readFrames(response)) {
      const { type, object } = frame as { type: Frame['type'] | 'ERROR'; object: unknown };
      if (type === 'ERROR') throw statusError(object) ?? new ConnectionError('the server ended the watch');
      yield { type, object };
    }
  });
}

/** A stream that ends only with the signal: any other end is a broken connection. */
export async function* stream<T>(
  signal: AbortSignal | undefined,
  ended: string,
  open: () => AsyncIterable<T>,
): AsyncGenerator<T> {
  try {
    for await (const value of open()) {
      if (signal?.aborted) return;
      yield value;
    }
  } catch (error) {
    if (signal?.aborted) return;
    if (error instanceof Error && 'code' in error && error.code === 'ECONNRESET') {
      throw new ConnectionError(`${ended}: the connection broke`, { cause: error });
    }
    throw error;
  }
  if (!signal?.aborted) throw new ConnectionError(`${ended}: the server closed the connection`);
}
