/** The client of what runs in the server's own process: calls the service, shares its frozen objects, copies nothing. */
import type { KindName } from '../kinds/index.ts';
import type { ApiService } from '../server/service.ts';
import type { ReadPoint } from '../server/verbs/read-point.ts';
import type { ServerWatchEvent } from '../server/verbs/watch.ts';
import type { Actor } from '../store.ts';
import {
  type Client,
  ConnectionError,
  type ReadOptions,
  type WatchEvent,
  type WatchRequest,
} from './client.ts';
import { collectionPath, nameOf } from './paths.ts';

/** Events that may wait for their reader; beyond it the watch breaks, and the reader resumes from what it has. */
const MAX_WAITING_EVENTS = 100_000;

/** @param actor who the client acts as */
export function createLocalClient(service: ApiService, actor: Actor): Client {
  return {
    get: async (kind, name, options = {}) => {
      await service.readable(known(kind), pointOf(options));
      return service.get(actor, kind, name);
    },
    list: async (kind, options = {}) => {
      await service.readable(known(kind), pointOf(options));
      return service.list(actor, kind, options);
    },
    create: async (object, options) => service.create(actor, known(object.kind), object, options),
    update: async (object, options) =>
      service.update(actor, known(object.kind), nameOf(object), object, options),
    updateStatus: async (object, options) =>
      service.updateStatus(actor, known(object.kind), nameOf(object), object, options),
    patch: async (kind, name, patch, { subresource, dryRun, type = 'merge' } = {}) =>
      subresource === 'status'
        ? service.patchStatus(actor, known(kind), name, patch, { dryRun, type })
        : service.patch(actor, known(kind), name, patch, { dryRun, type }),
    delete: async (kind, name, options) => {
      await service.delete(actor, known(kind), name, options);
    },
    watch: (kind, request) => watch(service, actor, kind, request),
  };
}

const pointOf = ({ resourceVersion = '0', consistency }: ReadOptions): ReadPoint => ({
  atLeast: Number(resourceVersion),
  linearizable: consistency === 'linearizable',
});

/** @throws ApiError where mill has no such kind: not every caller is typed */
function known<K extends KindName>(kind: K): K {
  collectionPath(kind);
  return kind;
}

async function* watch<K extends KindName>(
  service: ApiService,
  actor: Actor,
  kind: K,
  request: WatchRequest,
): AsyncGenerator<WatchEvent<K>> {
  const stop = new AbortController();
  const onAbort = () => stop.abort();
  if (request.signal?.aborted) return;
  request.signal?.addEventListener('abort', onAbort, { once: true });
  let waiting: ServerWatchEvent<K>[] = [];
  let tooMany = false;
  let wake = () => {};
  stop.signal.addEventListener('abort', () => wake(), { once: true });
  try {
    await service.watchable(known(kind), pointOf({ resourceVersion: request.resourceVersion }));
    service.watch(actor, known(kind), { ...request, signal: stop.signal }, (event) => {
      waiting.push(event);
      tooMany ||= waiting.length > MAX_WAITING_EVENTS;
      if (tooMany) stop.abort();
      wake();
    });
    while (!stop.signal.aborted) {
      const events = waiting;
      waiting = [];
      for (const event of events) {
        if (stop.signal.aborted) break;
        yield event.type === 'BOOKMARK'
          ? { type: event.type, resourceVersion: event.resourceVersion }
          : event;
      }
      if (waiting.length || stop.signal.aborted) continue;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    if (tooMany) throw new ConnectionError(`the watch of ${kind} fell too far behind`);
  } finally {
    request.signal?.removeEventListener('abort', onAbort);
    stop.abort();
  }
}
