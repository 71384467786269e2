/** Answers one request: who may come in, which handler answers, how errors are told. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiError, isApiError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Identities } from '../identities.ts';
import { sendError, sendText } from './exchange.ts';
import { createRoutes, METHODS, type Method, type RouteMatch } from './routes.ts';
import type { ApiServerOptions } from './server.ts';
import { RequestStatistics } from './statistics.ts';
import { authenticate } from './store-health.ts';

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/**
 * @param open requests that are being answered; aborting one ends its watch or log
 * @param checkHost throws for a request that is none of ours
 */
export function createRequestHandler(
  options: ApiServerOptions,
  open: Set<AbortController>,
  checkHost: (request: IncomingMessage) => void,
): RequestHandler {
  const { clock, log, identities } = options;
  const requests = new RequestStatistics();
  const find = createRoutes({ ...options, metrics: options.metrics ?? [], requests });
  return async (request, response) => {
    const startedMs = clock.now();
    const method = request.method ?? '';
    const gone = new AbortController();
    let resource = 'none';
    open.add(gone);
    requests.inFlight += 1;
    response.once('close', () => {
      open.delete(gone);
      gone.abort();
      requests.inFlight -= 1;
      requests.record(method, resource, response.statusCode, (clock.now() - startedMs) / 1_000);
    });
    try {
      checkHost(request);
      const [path = '', search = ''] = splitUrl(request.url ?? '');
      if (answerHealth(options, path, response)) return;
      const actor = authenticate(options, request.headers.authorization);
      const route = findRoute(find, method, path, response);
      resource = route?.resource ?? resource;
      if (!route) return void response.writeHead(204).end();
      const { signal } = gone;
      const exchange = {
        request,
        response,
        query: new URLSearchParams(search),
        path: route.path,
        actor,
        signal,
      };
      await route.handler(exchange);
      // What would go on for GET has no body here, and so no end either.
      if (method === 'HEAD') response.end();
    } catch (error) {
      // A client that has gone makes all sorts of errors, and hears of none.
      if (gone.signal.aborted) return;
      const told = isApiError(error) ? error : unexpected(error, { method, resource }, log, identities);
      // In the middle of an answer only the connection's end can say that it failed.
      if (response.headersSent) response.destroy();
      else sendError(request, response, told);
    }
  };
}

const splitUrl = (url: string): [path: string, search: string] => {
  const mark = url.indexOf('?');
  return mark < 0 ? [url, ''] : [url.slice(0, mark), url.slice(mark + 1)];
};

/** Answers what load balancers and supervisors ask without a credential. */
function answerHealth(
  { whyNotReady, service }: ApiServerOptions,
  path: string,
  response: ServerResponse,
): boolean {
  if (path === '/healthz' || path === '/livez') {
    sendText(response, 200, 'ok');
    return true;
  }
  if (path !== '/readyz') return false;
  const reason = whyNotReady?.() ?? service.health.unwritable;
  sendText(response, reason === undefined ? 200 : 503, reason ?? 'ok');
  return true;
}

/** @returns undefined for OPTIONS, which is answered by its headers */
function findRoute(
  find: (method: Method, path: string) => RouteMatch | undefined,
  method: string,
  path: string,
  response: ServerResponse,
): RouteMatch | undefined {
  try {
    decodeURIComponent(path);
  } catch (error) {
    throw new ApiError('BadRequest', 'the path is not percent-encoded UTF-8', {}, { cause: error });
  }
  // The answer to HEAD is that to GET; Node leaves the body out.
  const wanted = method === 'HEAD' ? 'GET' : METHODS.find((known) => known === method);
  const route = wanted && find(wanted, path);
  if (route) return route;
  const allowed: string[] = METHODS.filter((known) => find(known, path));
  if (allowed.length === 0)
    throw new ApiError('NotFound', `there is nothing at "${path.slice(0, MAX_SHOWN_PATH)}"`);
  if (allowed.includes('GET')) allowed.push('HEAD');
  response.setHeader('allow', [...allowed, 'OPTIONS'].join(', '));
  if (method === 'OPTIONS') return undefined;
  throw new ApiError('MethodNotAllowed', `${method} is not possible here: ${allowed.join(', ')} are`);
}

/** How much of an unknown path its error repeats, in characters. */
const MAX_SHOWN_PATH = 256;

/** The user gets an id, the log gets the error under it. */
function unexpected(error: unknown, request: object, log: Log, identities: Identities): ApiError {
  const id = identities.uid();
  const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
  log.error({ ...request, id, error: reason }, 'a request failed unexpectedly');
  return new ApiError('InternalError', `something went wrong in the server; its log says more under ${id}`);
}
