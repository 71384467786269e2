/** The scale of services over HTTP: `/apis/mill.dev/v1alpha1/services/{name}/scale`. */
import { formatOf, readBody } from './body.ts';
import { type Handler, nameOf, sendJson } from './exchange.ts';
import { patchType, readPoint, writeParameters } from './parameters.ts';
import type { ResourceOptions } from './resources.ts';
import { markStale } from './store-health.ts';

export function scaleHandlers({ service, clock }: ResourceOptions) {
  const get: Handler = async (exchange) => {
    await service.readable('Service', readPoint(exchange.query));
    const scale = service.getScale(exchange.actor, nameOf(exchange));
    markStale(service, exchange.response);
    sendJson(exchange.response, 200, scale);
  };
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
