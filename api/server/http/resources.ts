/** The verbs on resources over HTTP: `/apis/mill.dev/v1alpha1/{plural}[/{name}[/status|/scale]]`. */
import { ApiError } from '../../errors.ts';
import { type AnyObject, type KindName, kindDefinition } from '../../kinds/index.ts';
import { API_VERSION } from '../../meta.ts';
import { isPlainObject } from '../../validation/plain.ts';
import type { Clock } from '../environment.ts';
import type { ApiService } from '../service.ts';
import { tableOf } from '../table.ts';
import type { PatchType } from '../verbs/patch.ts';
import { acceptedAnswer, rowObject } from './accept.ts';
import { formatOf, mediaType, readBody } from './body.ts';
import { count, type Exchange, flag, type Handler, sendJson } from './exchange.ts';
import { ObjectJson, streamWatch } from './watchstream.ts';

export interface ResourceOptions {
  readonly service: ApiService;
  readonly clock: Clock;
  readonly bookmarkIntervalMs?: number | undefined;
}

/** Handlers of one kind, by what the path ends in and the method. */
export function resourceHandlers(kind: KindName, { service, clock, bookmarkIntervalMs }: ResourceOptions) {
  const body = (exchange: Exchange) => readBody(exchange.request, clock, formatOf(exchange.request));
  const answer = (exchange: Exchange, code: number, object: AnyObject) => {
    if (acceptedAnswer(exchange.request) === 'object') return sendJson(exchange.response, code, object);
    const { resourceVersion } = object.metadata;
    const context = { reader: service.state, nowMs: clock.now(), rowObject: rowObject(exchange.query) };
    sendJson(exchange.response, code, tableOf(kind, [object], { resourceVersion }, context));
  };

  const json = new ObjectJson();
  const list: Handler = (exchange) => {
    const { query, actor } = exchange;
    const selectors = {
      labelSelector: query.get('labelSelector') ?? undefined,
      fieldSelector: query.get('fieldSelector') ?? undefined,
    };
    if (flag(query, 'watch'))
      return streamWatch(service, kind, exchange, { ...selectors, clock, json, bookmarkIntervalMs });
    const page = service.list(actor, kind, {
      ...selectors,
      limit: count(query, 'limit'),
      continue: query.get('continue') || undefined,
    });
    const { items, ...metadata } = page;
    if (acceptedAnswer(exchange.request) === 'table') {
      const context = { reader: service.state, nowMs: clock.now(), rowObject: rowObject(query) };
      return sendJson(exchange.response, 200, tableOf(kind, items, metadata, context));
    }
    sendJson(exchange.response, 200, { kind: `${kind}List`, apiVersion: API_VERSION, metadata, items });
  };

  const create: Handler = async (exchange) => {
    const object = await service.create(
      exchange.actor,
      kind,
      await body(exchange),
      writeParameters(exchange.query),
    );
    answer(exchange, 201, object);
  };

  const get: Handler = (exchange) =>
    answer(exchange, 200, service.get(exchange.actor, kind, nameOf(exchange)));

  const update: Handler = async (exchange) => {
    const parameters = writeParameters(exchange.query);
    answer(
      exchange,
      200,
      await service.update(exchange.actor, kind, nameOf(exchange), await body(exchange), parameters),
    );
  };

  const updateStatus: Handler = async (exchange) => {
    const parameters = writeParameters(exchange.query);
    const status = await body(exchange);
    answer(
      exchange,
      200,
      await service.updateStatus(exchange.actor, kind, nameOf(exchange), status, parameters),
    );
  };

  const patch: Handler = async (exchange) => {
    const parameters = { ...writeParameters(exchange.query), type: patchType(exchange) };
    const value = await readBody(exchange.request, clock, 'json');
    answer(exchange, 200, await service.patch(exchange.actor, kind, nameOf(exchange), value, parameters));
  };

  const patchStatus: Handler = async (exchange) => {
    const parameters = { ...writeParameters(exchange.query), type: patchType(exchange) };
    const value = await readBody(exchange.request, clock, 'json');
    answer(
      exchange,
      200,
      await service.patchStatus(exchange.actor, kind, nameOf(exchange), value, parameters),
    );
  };

  const remove: Handler = async (exchange) => {
    const parameters = deleteParameters(exchange.query, await body(exchange));
    const { object, gone } = await service.delete(exchange.actor, kind, nameOf(exchange), parameters);
    if (!gone) return answer(exchange, 200, object);
    const { name, uid } = object.metadata;
    sendJson(exchange.response, 200, {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Success',
      details: { name, group: API_VERSION.split('/')[0], kind: kindDefinition(kind).plural, uid },
    });
  };

  return { list, create, get, update, updateStatus, patch, patchStatus, remove };
}

/** Handlers of the scale of services. */
export function scaleHandlers({ service, clock }: ResourceOptions) {
  const get: Handler = ({ actor, path, response }) =>
    sendJson(response, 200, service.getScale(actor, path.name ?? ''));
  const update: Handler = async (exchange) => {
    const scale = await readBody(exchange.request, clock, formatOf(exchange.request));
    const parameters = writeParameters(exchange.query);
    sendJson(
      exchange.response,
      200,
      await service.updateScale(exchange.actor, nameOf(exchange), scale, parameters),
    );
  };
  const patch: Handler = async (exchange) => {
    const parameters = { ...writeParameters(exchange.query), type: patchType(exchange) };
    const value = await readBody(exchange.request, clock, 'json');
    sendJson(
      exchange.response,
      200,
      await service.patchScale(exchange.actor, nameOf(exchange), value, parameters),
    );
  };
  return { get, update, patch };
}

const nameOf = (exchange: Exchange): string => exchange.path.name ?? '';

/** @throws ApiError BadRequest where a parameter asks for what mill does not do */
export function writeParameters(query: URLSearchParams): { dryRun: boolean } {
  const validation = query.get('fieldValidation');
  if (validation && !['Strict', 'Warn', 'Ignore'].includes(validation)) {
    throw new ApiError(
      'BadRequest',
      'the parameter fieldValidation must be Strict, Warn or Ignore; mill is always strict',
    );
  }
  const dryRuns = query.getAll('dryRun').filter((value) => value !== '');
  return { dryRun: isDryRun(dryRuns) };
}

function isDryRun(values: readonly unknown[]): boolean {
  // Taken for a real write, an unknown kind of dry run would change what was meant to stay.
  if (values.some((value) => value !== 'All')) throw new ApiError('BadRequest', 'dryRun must be "All"');
  return values.length > 0;
}

function deleteParameters(query: URLSearchParams, body: unknown) {
  if (body !== undefined && !isPlainObject(body))
    throw new ApiError('BadRequest', 'the body must be a DeleteOptions');
  const { preconditions, propagationPolicy, dryRun, orphanDependents } = body ?? {};
  if (dryRun !== undefined && !Array.isArray(dryRun))
    throw new ApiError('BadRequest', 'dryRun must be a list');
  const policy = propagationPolicy ?? query.get('propagationPolicy') ?? 'Background';
  if (policy !== 'Background' && policy !== 'Foreground' && policy !== 'Orphan') {
    throw new ApiError('BadRequest', 'propagationPolicy must be Background, Foreground or Orphan');
  }
  const { uid, resourceVersion } = isPlainObject(preconditions) ? preconditions : {};
  return {
    dryRun: writeParameters(query).dryRun || isDryRun(dryRun ?? []),
    orphan: policy === 'Orphan' || orphanDependents === true,
    ...(typeof uid === 'string' ? { uid } : {}),
    ...(typeof resourceVersion === 'string' ? { resourceVersion } : {}),
  };
}

const PATCH_TYPES: ReadonlyMap<string, PatchType> = new Map([
  ['application/merge-patch+json', 'merge'],
  ['application/json-patch+json', 'json'],
]);

function patchType({ request }: Exchange): PatchType {
  const type = PATCH_TYPES.get(mediaType(request));
  if (type) return type;
  const known = [...PATCH_TYPES.keys()].join(' or ');
  throw new ApiError(
    'UnsupportedMediaType',
    `patches of type "${mediaType(request)}" are not supported: send ${known}`,
  );
}
