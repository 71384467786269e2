/** Records what mill did and why as `Event` objects, without holding up who says it. */
import type { Client } from '../api/client/client.ts';
import { type Clock, timestamp } from '../api/clock.ts';
import type { AnyObject } from '../api/kinds/index.ts';
import type { Log } from '../api/log.ts';

/** What may wait to be written; beyond it events are dropped and counted, as the store is far behind. */
const MAX_WAITING = 1_000;
const MAX_MESSAGE_LENGTH = 4_000;
/** The same said again within this time is said once: a pass may be repeated before its report is written. */
const REPEAT_MS = 10_000;
/** How many of the latest events are looked at for that. */
const REPEAT_WINDOW = 64;

export interface EventRecorder {
  normal(regarding: AnyObject, reason: string, message: string): void;
  warning(regarding: AnyObject, reason: string, message: string): void;
}

export interface EventRecorderOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** Who speaks: `drain-controller`, `agent node-3`. */
  readonly source: string;
}

/** Events that could not be written are logged: they inform, and nothing depends on them. */
export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { client, clock, random, log, source } = options;
  let waiting = 0;
  const latest = new Map<string, number>();
  const isRepeat = (text: string): boolean => {
    const before = latest.get(text);
    latest.delete(text);
    latest.set(text, clock.now());
    const [oldest] = latest.keys();
    if (latest.size > REPEAT_WINDOW && oldest !== undefined) latest.delete(oldest);
    return before !== undefined && clock.now() - before < REPEAT_MS;
  };
  const record = (type: 'Normal' | 'Warning', regarding: AnyObject, reason: string, message: string) => {
    if (isRepeat(`${regarding.metadata.uid} ${reason} ${message}`)) return;
    if (waiting >= MAX_WAITING)
      return log.warn({ reason, message }, 'event dropped: the store is too far behind');
    waiting += 1;
    const { name, uid } = regarding.metadata;
    const suffix = `${clock.now().toString(36)}${Math.floor(random() * 36 ** 5)
      .toString(36)
      .padStart(5, '0')}`;
    const spec = {
      regarding: { kind: regarding.kind, name, uid },
      type,
      reason,
      message: message.slice(0, MAX_MESSAGE_LENGTH),
      source,
      time: timestamp(clock.now()),
    };
    client
      .create({ kind: 'Event', metadata: { name: `${name.slice(0, 200)}.${suffix}` }, spec })
      .catch((error: Error) => log.warn({ reason, message, error: error.message }, 'event was not recorded'))
      .finally(() => {
        waiting -= 1;
      });
  };
  return {
    normal: (regarding, reason, message) => record('Normal', regarding, reason, message),
    warning: (regarding, reason, message) => record('Warning', regarding, reason, message),
  };
}
