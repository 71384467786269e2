/** Questions between mill servers, over NATS. */
import { type Channel, NobodyThere } from '../../../runtime/store/jetstream/hand-over.ts';
import type { NatsConnection } from './connection.ts';

/** Who listens for questions now. */
export class Switchboard {
  readonly #listeners = new Map<string, Listener>();

  find(server: string): Listener | undefined {
    return this.#listeners.get(server);
  }

  listen(server: string, listener: Listener, signal: AbortSignal): void {
    this.#listeners.set(server, listener);
    const leave = () => {
      if (this.#listeners.get(server) === listener) this.#listeners.delete(server);
    };
    listener.connection.process.onDeath(leave);
    signal.addEventListener('abort', leave, { once: true });
  }
}

interface Listener {
  readonly connection: NatsConnection;
  readonly answer: Parameters<Channel['serve']>[1];
}

type Reply = { readonly type: 'answer'; readonly text: string } | { readonly type: 'nobody' };

export function createSimulatedChannel(switchboard: Switchboard, connection: NatsConnection): Channel {
  return {
    async ask(server, text, waitMs) {
      const reply = await connection.request<Reply>((answer) => {
        const listener = switchboard.find(server);
        if (listener) forward(listener, text, answer);
        else answer({ type: 'nobody' });
      }, waitMs);
      if (!reply) throw new Error('there is no answer in time');
      if (reply.type === 'nobody') throw new NobodyThere(`server ${server} is not there`);
      return reply.text;
    },
    serve(server, answer, signal) {
      switchboard.listen(server, { connection, answer }, signal);
    },
  };
}

/** To the one that is asked, which may be stopped, cut off, or die over it. */
function forward({ connection, answer }: Listener, text: string, reply: (reply: Reply) => void): void {
  connection.comeBack(() => {
    void answer(text).then((said) => connection.send(() => reply({ type: 'answer', text: said })));
  }, false);
}
