/** Servers on one log, in virtual time: the engine as it is, and a stream that does what the test wants. */
import type { Log } from '../../../../api/log.ts';
import { silentLog } from '../../../../api/log.ts';
import type { Reader } from '../../../../api/store.ts';
import { Engine } from '../../../../runtime/store/jetstream/engine.ts';
import { type Channel, NobodyThere } from '../../../../runtime/store/jetstream/hand-over.ts';
import type { Incoming, SendingMode } from '../../../../runtime/store/jetstream/stream.ts';
import { Subjects } from '../../../../runtime/store/jetstream/subjects.ts';
import { VirtualClock } from '../../../vocabulary/clock.ts';
import { SharedLog, type StreamView } from './log.ts';

export const subjects = new Subjects('mill');

export interface TestServer {
  readonly engine: Engine;
  readonly stream: StreamView;
  readonly leases: StreamView;
  /** What its log said at level error. */
  readonly errors: string[];
  /** Every record that was read. */
  readonly records: Incoming[];
}

export class Servers {
  readonly clock = new VirtualClock();
  readonly log: SharedLog;
  /** Who commits for all. */
  writer: ((state: Reader) => string | undefined) | undefined;
  /** What is asked of a server waits here until the test lets it through. */
  held: (() => void)[] | undefined;
  /** What a server answers does not arrive. */
  losesAnswers = false;
  readonly leases = new SharedLog('serial', 'subject');
  readonly #answers = new Map<string, (text: string) => Promise<string>>();
  #count = 0;

  constructor(mode: SendingMode) {
    this.log = new SharedLog(mode);
    this.log.append(subjects.internal('store'), { 'Mill-Attempt': 'first', 'Mill-Previous': '' }, '');
  }

  async start(): Promise<TestServer> {
    const server = this.begin();
    await server.engine.loaded;
    return server;
  }

  /** Does not wait until it has read the log. */
  begin(): TestServer {
    const name = `server-${++this.#count}`;
    const stream = this.log.view();
    const leases = this.leases.view();
    const errors: string[] = [];
    const records: Incoming[] = [];
    let attempts = 0;
    const engine = new Engine({
      objects: stream,
      leases,
      subjects,
      leaseSubjects: new Subjects('mill_leases'),
      channel: this.#channel(),
      server: name,
      writer: (state) => (this.writer ? this.writer(state) : name),
      admission: () => {},
      clock: this.clock,
      log: recording(errors),
      newAttempt: () => `${name}-${++attempts}`,
      disconnectedSinceMs: () => undefined,
      onRecord: (record) => void records.push(record),
    });
    return { engine, stream, leases, errors, records };
  }

  #channel(): Channel {
    return {
      ask: (server, text, waitMs) =>
        new Promise((resolve, reject) => {
          const answer = this.#answers.get(server);
          if (!answer) throw new NobodyThere(server);
          this.clock.schedule(waitMs, () => reject(new Error('no answer')));
          const ask = () =>
            void answer(text).then((reply) => {
              if (!this.losesAnswers) resolve(reply);
            }, reject);
          if (this.held) this.held.push(ask);
          else ask();
        }),
      serve: (server, answer) => void this.#answers.set(server, answer),
    };
  }
}

function recording(errors: string[]): Log {
  const log: Log = {
    ...silentLog,
    error: (fields, message) => void errors.push(`${message} ${JSON.stringify(fields)}`),
    child: () => log,
  };
  return log;
}
