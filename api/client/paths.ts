/** Where objects are in the HTTP API. Apart from the kinds' own files, which hold the schemas: a client starts fast. */
import { ApiError, invalid, notFound } from '../errors.ts';
import type { KindName } from '../kinds/index.ts';
import type { Written } from './client.ts';

/** Tested against the kinds. */
export const PLURALS: Readonly<Record<KindName, string>> = {
  Node: 'nodes',
  Service: 'services',
  Task: 'tasks',
  Alloc: 'allocs',
  Volume: 'volumes',
  Migration: 'migrations',
  Peer: 'peers',
  Endpoints: 'endpoints',
  Lease: 'leases',
  Leadership: 'leaderships',
  Event: 'events',
  Credential: 'credentials',
};

export const BASE_PATH = '/apis/mill.dev/v1alpha1';

/** @throws ApiError BadRequest where mill has no such kind */
export function collectionPath(kind: KindName): string {
  if (!Object.hasOwn(PLURALS, kind))
    throw new ApiError('BadRequest', `there is no kind ${JSON.stringify(kind)}`);
  return `${BASE_PATH}/${PLURALS[kind]}`;
}

/** @throws ApiError NotFound for the empty name, which would mean all of them */
export function objectPath(kind: KindName, name: string, subresource?: string): string {
  if (name === '') throw notFound(kind, name);
  const path = `${collectionPath(kind)}/${encodeURIComponent(name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

/** The name of an object to be written. @throws ApiError Invalid where it has none */
export function nameOf(object: Written): string {
  const name: unknown = object.metadata?.name;
  if (typeof name === 'string' && name !== '') return name;
  throw invalid(object.kind, '', [
    { field: 'metadata.name', message: 'is required', reason: 'FieldValueRequired' },
  ]);
}

/** A query string, with its question mark, of what is given. */
export function queryOf(parameters: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== false) query.set(name, String(value));
  }
  return query.size ? `?${query}` : '';
}
