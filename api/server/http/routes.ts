/** Which path and method is answered by what. */
import Router from 'find-my-way';
import type { Clock } from '../../clock.ts';
import type { DrainPlan } from '../../drain-plan.ts';
import { isEphemeral, KIND_NAMES, KINDS, kindDefinition } from '../../kinds/index.ts';
import type { Node } from '../../kinds/node.ts';
import { API_VERSION, GROUP } from '../../meta.ts';
import type { LogBroker } from '../logs.ts';
import type { ApiService } from '../service.ts';
import { backupHandler } from './backup.ts';
import { formatOf, readBody } from './body.ts';
import { apiGroup, apiGroupList, apiResourceList, apiVersions } from './discovery.ts';
import { type Handler, sendJson } from './exchange.ts';
import { logHandlers } from './log-routes.ts';
import { type MetricSource, metricsOf } from './metrics.ts';
import { openApi } from './openapi.ts';
import { writeParameters } from './parameters.ts';
import { resourceHandlers } from './resources.ts';
import { scaleHandlers } from './scale.ts';
import type { RequestStatistics } from './statistics.ts';
import { committing, markStale } from './store-health.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
export const METHODS: readonly Method[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
/** Longest part of a path, percent-encoded: a name three times as long, and some more. */
const MAX_PATH_PART = 1_024;

export interface Route {
  /** What it is counted as. */
  readonly resource: string;
  readonly handler: Handler;
}

export interface RouteMatch extends Route {
  readonly path: Readonly<Record<string, string | undefined>>;
}

export interface RouteOptions {
  readonly service: ApiService;
  readonly logs: LogBroker;
  readonly clock: Clock;
  readonly requests: RequestStatistics;
  readonly metrics: readonly MetricSource[];
  readonly version: string;
  readonly cluster?: string | undefined;
  readonly planDrain?: ((node: Node) => DrainPlan) | undefined;
  readonly bookmarkIntervalMs?: number | undefined;
}

/** @returns what finds the route of a path; undefined where there is none */
export function createRoutes(
  options: RouteOptions,
): (method: Method, path: string) => RouteMatch | undefined {
  const router = Router({ ignoreTrailingSlash: true, maxParamLength: MAX_PATH_PART });
  const on: AddRoute = (method, path, resource, handler) => {
    const route: Route = { resource, handler };
    router.on(method, path, () => {}, route);
  };
  addServerRoutes(on, options);
  addResourceRoutes(on, options);
  addNodeAndLogRoutes(on, options);
  return (method, path) => {
    const found = router.find(method, path);
    if (!found) return undefined;
    const { resource, handler } = found.store as Route;
    return { resource, handler, path: found.params };
  };
}

type AddRoute = (method: Method, path: string, resource: string, handler: Handler) => void;

const BASE = `/apis/${API_VERSION}`;

function addServerRoutes(on: AddRoute, options: RouteOptions): void {
  const { service, requests, metrics, version } = options;
  const fixed = (value: unknown): Handler => {
    return ({ response }) => sendJson(response, 200, value);
  };
  on('GET', '/version', 'version', fixed(versionInfo(version)));
  on('GET', '/api', 'discovery', fixed(apiVersions));
  on('GET', '/apis', 'discovery', fixed(apiGroupList));
  on('GET', `/apis/${GROUP}`, 'discovery', fixed(apiGroup));
  on('GET', BASE, 'discovery', fixed(apiResourceList));
  let documents: ReturnType<typeof openApi> | undefined;
  const described = () => {
    documents ??= openApi(version);
    return documents;
  };
  on('GET', '/openapi/v3', 'openapi', ({ response }) => sendJson(response, 200, described().index));
  on('GET', `/openapi/v3${BASE}`, 'openapi', ({ response, query }) => {
    if (query.has('hash')) response.setHeader('cache-control', 'public, immutable');
    sendJson(response, 200, described().document);
  });
  on('GET', '/backup', 'backup', backupHandler(options));
  const scrape = metricsOf(service, requests, metrics);
  on('GET', '/metrics', 'metrics', async ({ response }) => {
    const { text, contentType } = await scrape();
    response.writeHead(200, { 'content-type': contentType }).end(text);
  });
}

/** Kubernetes' `version.Info`, of which clients read the version only. */
function versionInfo(version: string) {
  const [major = '0', minor = '0'] = version.split('.');
  const platform = `${process.platform}/${process.arch}`;
  return { major, minor, gitVersion: `v${version}`, platform };
}

/** Adds routes that commit. */
const whereWritable =
  (on: AddRoute, { service }: RouteOptions): AddRoute =>
  (method, path, resource, handler) =>
    on(method, path, resource, committing(service, handler));

function addResourceRoutes(on: AddRoute, options: RouteOptions): void {
  const whereCommitted = whereWritable(on, options);
  for (const kind of KIND_NAMES) {
    // Heartbeats go another way than what lasts: the store alone knows whether it takes them.
    const write = isEphemeral(kind) ? on : whereCommitted;
    const { plural } = kindDefinition(kind);
    const { list, create, get, update, updateStatus, patch, patchStatus, remove } = resourceHandlers(
      kind,
      options,
    );
    on('GET', `${BASE}/${plural}`, plural, list);
    write('POST', `${BASE}/${plural}`, plural, create);
    on('GET', `${BASE}/${plural}/:name`, plural, get);
    write('PUT', `${BASE}/${plural}/:name`, plural, update);
    write('PATCH', `${BASE}/${plural}/:name`, plural, patch);
    write('DELETE', `${BASE}/${plural}/:name`, plural, remove);
    on('GET', `${BASE}/${plural}/:name/status`, `${plural}/status`, get);
    write('PUT', `${BASE}/${plural}/:name/status`, `${plural}/status`, updateStatus);
    write('PATCH', `${BASE}/${plural}/:name/status`, `${plural}/status`, patchStatus);
  }
  const scale = scaleHandlers(options);
  const { plural } = KINDS.Service;
  on('GET', `${BASE}/${plural}/:name/scale`, `${plural}/scale`, scale.get);
  whereCommitted('PUT', `${BASE}/${plural}/:name/scale`, `${plural}/scale`, scale.update);
  whereCommitted('PATCH', `${BASE}/${plural}/:name/scale`, `${plural}/scale`, scale.patch);
}

function addNodeAndLogRoutes(on: AddRoute, options: RouteOptions): void {
  const { service, clock } = options;
  const nodes = KINDS.Node.plural;
  const { read, requests, answer } = logHandlers(options);
  on('GET', `${BASE}/${KINDS.Alloc.plural}/:name/log`, 'allocs/log', read);
  on('GET', `${BASE}/${nodes}/:name/logrequests`, 'nodes/logrequests', requests);
  on('POST', `${BASE}/${nodes}/:name/logrequests/:id`, 'nodes/logrequests', answer);
  const { planDrain } = options;
  if (planDrain) {
    on('GET', `${BASE}/${nodes}/:name/drainplan`, 'nodes/drainplan', ({ actor, path, response }) => {
      const plan = planDrain(service.get(actor, 'Node', path.name ?? ''));
      markStale(service, response);
      sendJson(response, 200, plan);
    });
  }
  whereWritable(on, options)(
    'POST',
    `${BASE}/${nodes}/:name/register`,
    'nodes/register',
    async ({ actor, path, query, request, response }) => {
      const registration = await readBody(request, clock, formatOf(request));
      const parameters = writeParameters(query);
      sendJson(response, 201, await service.registerNode(actor, path.name ?? '', registration, parameters));
    },
  );
}
