/** Logs over HTTP, from both ends: the client that reads one, and the agent that has it. */
import { Readable } from 'node:stream';
import type { LogHandler, LogOptions, LogRequest } from '../server/logs.ts';
import { ConnectionError } from './client.ts';
import { readFrames } from './frames.ts';
import { stream } from './http-watch.ts';
import { objectPath, queryOf } from './paths.ts';
import type { Transport } from './transport.ts';

export async function* readLogs(
  transport: Transport,
  alloc: string,
  { signal, ...options }: LogOptions & { readonly signal?: AbortSignal },
): AsyncGenerator<Buffer> {
  const path = objectPath('Alloc', alloc, 'log') + queryOf({ ...options });
  try {
    const unlimited = options.follow === true;
    yield* (await transport.open('GET', path, { accept: '*/*', unlimited, signal })) as AsyncIterable<Buffer>;
  } catch (error) {
    if (signal?.aborted) return;
    if (error instanceof Error && 'code' in error && !('reason' in error)) {
      throw new ConnectionError(`the log of ${alloc} broke off`, { cause: error });
    }
    throw error;
  }
}

export async function serveLogs(
  transport: Transport,
  node: string,
  handler: LogHandler,
  signal: AbortSignal,
): Promise<void> {
  const path = objectPath('Node', node, 'logrequests');
  const requests = stream(signal, 'the requests for logs ended', async function* () {
    yield* readFrames(await transport.open('GET', path, { unlimited: true, signal }));
  });
  for await (const request of requests) {
    // Beside each other: a log that is followed has no end.
    void answerLog(transport, path, request as LogRequest, handler, signal);
  }
}

/** What fails here is told to the client that asked; where it has gone as well, nobody is left to tell. */
async function answerLog(
  transport: Transport,
  requests: string,
  { id, alloc, follow, tailLines }: LogRequest,
  handler: LogHandler,
  signal: AbortSignal,
): Promise<void> {
  const path = `${requests}/${encodeURIComponent(id)}`;
  const stop = new AbortController();
  const onAbort = () => stop.abort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const chunks = handler(alloc, { follow, tailLines, signal: stop.signal });
    // A log that is followed may be silent for long: its answer begins at once, and only then is waited for.
    const body = Readable.from(follow ? chunks : await begun(chunks), { objectMode: false });
    await transport.json('POST', path, { stream: body, contentType: 'text/plain', unlimited: true, signal });
  } catch (error) {
    const message = `the log of ${alloc} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    const status = {
      kind: 'Status',
      apiVersion: 'v1',
      status: 'Failure',
      reason: 'ServiceUnavailable',
      message,
    };
    await transport.json('POST', path, { body: status, signal }).catch(() => {});
  } finally {
    stop.abort();
    signal.removeEventListener('abort', onAbort);
  }
}

/** Reads the first chunk, so that a failure can still be told as one, before the answer begins. */
async function begun(chunks: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const iterator = chunks[Symbol.asyncIterator]();
  const first = await iterator.next();
  return (async function* () {
    for (let next = first; !next.done; next = await iterator.next()) yield next.value;
  })();
}
