/** The verbs on resources over HTTP: `/apis/mill.dev/v1alpha1/{plural}[/{name}[/status]]`. */

import type { Clock } from '../../clock.ts';
import { ApiError } from '../../errors.ts';
import { type AnyObject, type KindName, kindDefinition } from '../../kinds/index.ts';
import { API_VERSION } from '../../meta.ts';
import type { ApiService } from '../service.ts';
import { tableOf } from '../table.ts';
import { acceptedAnswer, rowObject } from './accept.ts';
import { formatOf, readBody } from './body.ts';
import { count, type Exchange, flag, type Handler, nameOf, sendJson } from './exchange.ts';
import { deleteParameters, patchType, readPoint, writeParameters } from './parameters.ts';
import { markStale } from './store-health.ts';
import { ObjectJson, streamWatch } from './watch-stream.ts';

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
  const list: Handler = async (exchange) => {
    const { query, actor, response } = exchange;
    const selectors = {
      labelSelector: query.get('labelSelector') ?? undefined,
      fieldSelector: query.get('fieldSelector') ?? undefined,
    };
    const point = readPoint(query);
    // Nobody makes the server catch up for what he may not read.
    service.authorize(actor, 'list', kind);
    if (flag(query, 'watch')) {
      await service.watchable(kind, point);
      markStale(service, response);
      return streamWatch(service, kind, exchange, { ...selectors, clock, json, bookmarkIntervalMs });
    }
    await service.readable(kind, point);
    const page = service.list(actor, kind, {
      ...selectors,
      limit: count(query, 'limit'),
      continue: query.get('continue') || undefined,
    });
    refuseOther(point.exactly, page.resourceVersion);
    markStale(service, response);
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

  const get: Handler = async (exchange) => {
    service.authorize(exchange.actor, 'get', kind, nameOf(exchange));
    await service.readable(kind, readPoint(exchange.query));
    const object = service.get(exchange.actor, kind, nameOf(exchange));
    markStale(service, exchange.response);
    answer(exchange, 200, object);
  };

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

/** There is one state only, the latest. @throws ApiError Expired where another one is asked for */
function refuseOther(exactly: number | undefined, resourceVersion: string): void {
  if (exactly === undefined || String(exactly) === resourceVersion) return;
  throw new ApiError(
    'Expired',
    `revision ${exactly} is not kept, this is ${resourceVersion}: ask for NotOlderThan`,
  );
}
