/** A watch over HTTP: newline-delimited JSON frames, bounded in what waits for a slow client. */
import type { ServerResponse } from 'node:http';
import type { Clock } from '../../clock.ts';
import { type AnyObject, type KindName, kindDefinition } from '../../kinds/index.ts';
import { API_VERSION } from '../../meta.ts';
import type { Selectors } from '../../selectors.ts';
import type { ApiService } from '../service.ts';
import { type RowObject, tableOf } from '../table.ts';
import type { ServerWatchEvent } from '../verbs/watch.ts';
import { acceptedAnswer, rowObject } from './accept.ts';
import { count, type Exchange, flag } from './exchange.ts';

/** Events that may wait, beyond what there was at the start; a client that is further behind comes again and resumes. */
const MAX_WAITING_EVENTS = 10_000;
/** Frames are put together up to this size before they are handed to the socket. */
const CHUNK_CHARACTERS = 65_536;
/** Marks the bookmark after the initial events (Kubernetes' WatchList). */
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

export interface WatchStreamOptions extends Selectors {
  readonly clock: Clock;
  readonly json: ObjectJson;
  readonly bookmarkIntervalMs?: number | undefined;
}

/** Answers with a watch; returns when it began. @throws ApiError Expired, before anything is sent */
export function streamWatch(
  service: ApiService,
  kind: KindName,
  { request, response, query, actor, signal: gone }: Exchange,
  { clock, json, ...parameters }: WatchStreamOptions,
): void {
  const timeoutSeconds = count(query, 'timeoutSeconds');
  const bookmarks = flag(query, 'allowWatchBookmarks');
  const asTable = acceptedAnswer(request) === 'table';
  const encode = asTable ? tableEncoder(service, kind, clock, rowObject(query)) : objectEncoder(kind, json);
  const stop = new AbortController();
  const signal = AbortSignal.any([gone, stop.signal]);
  const waiting = new WaitingFrames(response, encode, () => {
    stop.abort();
    response.destroy();
  });
  service.watch(
    actor,
    kind,
    {
      ...parameters,
      resourceVersion: query.get('resourceVersion') ?? undefined,
      sendInitialEvents: flag(query, 'sendInitialEvents'),
      bookmarks,
      signal,
    },
    (event) => waiting.push(event),
  );
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache' });
  response.flushHeaders();
  waiting.start();
  const end = (finish: () => void) => {
    cancel();
    stop.abort();
    finish();
  };
  // The client has gone, the server closes, or what waits is too much: the connection's end says so.
  signal.addEventListener('abort', () => end(() => response.end()), { once: true });
  if (signal.aborted) response.end();
  const cancel =
    timeoutSeconds === undefined || timeoutSeconds === 0
      ? () => {}
      : clock.schedule(timeoutSeconds * 1_000, () => {
          if (bookmarks)
            waiting.push({ type: 'BOOKMARK', resourceVersion: String(service.state.revisionOf(kind)) });
          waiting.flush();
          stop.abort();
        });
}

type Encode = (event: ServerWatchEvent) => string;

/** Events that wait for the socket. They are written in the turn after the commit, together. */
class WaitingFrames {
  readonly #response: ServerResponse;
  readonly #encode: Encode;
  readonly #onOverflow: () => void;
  #events: ServerWatchEvent[] = [];
  /** How many of those that wait were there at the start. */
  #initial = Number.POSITIVE_INFINITY;
  /** True as long as nothing is to be scheduled: it is already, or the headers are not sent yet. */
  #scheduled = true;

  constructor(response: ServerResponse, encode: Encode, onOverflow: () => void) {
    this.#response = response;
    this.#encode = encode;
    this.#onOverflow = onOverflow;
    response.on('drain', () => this.#schedule());
  }

  push(event: ServerWatchEvent): void {
    if (this.#events.length >= this.#initial + MAX_WAITING_EVENTS) {
      this.#onOverflow();
      return;
    }
    this.#events.push(event);
    this.#schedule();
  }

  /** What was pushed so far were the initial events; from here on it is written. */
  start(): void {
    this.#initial = this.#events.length;
    this.#scheduled = false;
    this.#schedule();
  }

  /** Writes what waits, whether the socket takes it now or not. */
  flush(): void {
    for (const event of this.#events) this.#response.write(this.#encode(event));
    this.#events = [];
  }

  #schedule(): void {
    if (this.#scheduled || this.#events.length === 0) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#write();
    });
  }

  #write(): void {
    let next = 0;
    while (next < this.#events.length && !this.#response.writableNeedDrain && this.#response.writable) {
      let chunk = '';
      while (next < this.#events.length && chunk.length < CHUNK_CHARACTERS) {
        const event = this.#events[next];
        if (event) chunk += this.#encode(event);
        next += 1;
      }
      this.#response.write(chunk);
    }
    this.#events = this.#events.slice(next);
    this.#initial = Math.max(0, this.#initial - next);
  }
}

function objectEncoder(kind: KindName, json: ObjectJson): Encode {
  return (event) =>
    event.type === 'BOOKMARK'
      ? frame('BOOKMARK', JSON.stringify(bookmarkOf(kind, event)))
      : frame(event.type, json.of(event.object));
}

function tableEncoder(service: ApiService, kind: KindName, clock: Clock, include: RowObject): Encode {
  return (event) => {
    if (event.type === 'BOOKMARK') return frame('BOOKMARK', JSON.stringify(bookmarkTable(kind, event)));
    const { resourceVersion } = event.object.metadata;
    const context = { reader: service.state, nowMs: clock.now(), rowObject: include };
    return frame(event.type, JSON.stringify(tableOf(kind, [event.object], { resourceVersion }, context)));
  };
}

const frame = (type: string, objectJson: string): string => `{"type":"${type}","object":${objectJson}}\n`;

type Bookmark = Extract<ServerWatchEvent, { type: 'BOOKMARK' }>;

function bookmarkOf(kind: KindName, { resourceVersion, initialEventsEnd }: Bookmark) {
  const annotations = initialEventsEnd ? { annotations: { [INITIAL_EVENTS_END]: 'true' } } : {};
  return { kind, apiVersion: API_VERSION, metadata: { resourceVersion, ...annotations } };
}

function bookmarkTable(kind: KindName, bookmark: Bookmark) {
  const cells = ['', ...kindDefinition(kind).columns.map(() => '')];
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: { resourceVersion: bookmark.resourceVersion },
    columnDefinitions: [],
    rows: [{ cells, object: bookmarkOf(kind, bookmark) }],
  };
}

/**
 * Writes objects as JSON, remembering the last one: a change goes to every watcher in one turn.
 * One for each server and kind.
 */
export class ObjectJson {
  #object: AnyObject | undefined;
  #json = '';

  of(object: AnyObject): string {
    if (object !== this.#object) {
      this.#json = JSON.stringify(object);
      this.#object = object;
    }
    return this.#json;
  }
}
