/** Logs over HTTP: the client's side (`…/allocs/{name}/log`) and the agent's (`…/nodes/{name}/logrequests`). */
import type { Clock } from '../../clock.ts';
import { ApiError, isApiError, STATUS_CODES, type StatusReason } from '../../errors.ts';
import { isPlainObject } from '../../validation/plain.ts';
import type { LogBroker } from '../logs.ts';
import type { ApiService } from '../service.ts';
import { mediaType, readBody } from './body.ts';
import { count, drained, type Exchange, flag, type Handler, nameOf, sendJson } from './exchange.ts';

export interface LogRouteOptions {
  readonly service: ApiService;
  readonly logs: LogBroker;
  readonly clock: Clock;
}

export function logHandlers({ service, logs, clock }: LogRouteOptions) {
  const read: Handler = async (exchange) => {
    const { actor, query, signal, response } = exchange;
    const name = nameOf(exchange);
    service.authorize(actor, 'get', 'Alloc', name, 'log');
    const { node } = service.get(actor, 'Alloc', name).spec;
    const options = { follow: flag(query, 'follow'), tailLines: count(query, 'tailLines') };
    const chunks = await logs.open(node, name, options, signal);
    await sendChunks(exchange, chunks);
    response.end();
  };

  const requests: Handler = ({ actor, path, response, signal }) => {
    const node = path.name ?? '';
    service.authorize(actor, 'watch', 'Node', node, 'logrequests');
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache' });
    response.flushHeaders();
    logs.attach(node, (request) => response.write(`${JSON.stringify(request)}\n`), signal);
    signal.addEventListener('abort', () => response.end(), { once: true });
  };

  const answer: Handler = async ({ actor, path, request, response }) => {
    const { name: node = '', id = '' } = path;
    service.authorize(actor, 'create', 'Node', node, 'logrequests');
    if (mediaType(request) === 'application/json') {
      logs.refuse(node, id, errorIn(await readBody(request, clock, 'json')));
    } else {
      await logs.answer(node, id, request);
    }
    // The client may have gone before the log's end; the agent need not send the rest.
    if (!request.complete) response.setHeader('connection', 'close');
    sendJson(response, 200, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' });
  };

  return { read, requests, answer };
}

/** Sends what comes as fast as the client takes it. */
async function sendChunks({ response, signal }: Exchange, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const begin = () => {
    if (response.headersSent) return;
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-cache' });
    response.flushHeaders();
  };
  try {
    for await (const chunk of chunks) {
      if (signal.aborted) return;
      begin();
      if (!response.write(chunk)) await drained(response);
    }
  } catch (error) {
    if (isApiError(error) || response.headersSent) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new ApiError('ServiceUnavailable', `the log cannot be read: ${reason}`, {}, { cause: error });
  }
  begin();
}

/** The error that an agent sends as a `Status`. */
function errorIn(status: unknown): ApiError {
  const { reason, message } = isPlainObject(status) ? status : {};
  const known = (Object.keys(STATUS_CODES) as StatusReason[]).find((name) => name === reason);
  return new ApiError(
    known ?? 'ServiceUnavailable',
    typeof message === 'string' ? message : 'the agent has no log',
  );
}
