/** Questions between servers, by NATS request and reply. */
import { ErrorCode, type NatsConnection, type NatsError } from 'nats';
import type { Log } from '../../../api/log.ts';
import { type Channel, NobodyThere } from './hand-over.ts';

export function createNatsChannel(connection: NatsConnection, bucket: string, log: Log): Channel {
  const subjectOf = (server: string) => `mill.${bucket}.commit.${server}`;
  return {
    async ask(server, text, waitMs) {
      try {
        return (await connection.request(subjectOf(server), text, { timeout: waitMs })).string();
      } catch (error) {
        if ((error as NatsError).code !== ErrorCode.NoResponders) throw error;
        throw new NobodyThere(`server ${server} is not there`, { cause: error });
      }
    },
    serve(server, answer, signal) {
      const subscription = connection.subscribe(subjectOf(server), {
        callback: (error, message) => {
          if (error !== null || message.reply === undefined) return;
          // Whoever sends what no server sends gets no answer.
          answer(message.string())
            .then((text) => message.respond(text))
            .catch((reason: Error) =>
              log.warn({ reason: reason.message }, 'a question between servers was not answered'),
            );
        },
      });
      signal.addEventListener('abort', () => subscription.unsubscribe(), { once: true });
    },
  };
}
