/** The guard at the drivers' door: only object names become parts of a path, so none can lead out of a directory. */
import { Value } from '@sinclair/typebox/value';
import { Name } from '../../api/meta.ts';

/** @throws Error unless `name` is an object's name (RFC 1123 subdomain: no slash, no `..`, no leading dot) */
export function assertName(what: string, name: string): void {
  if (!Value.Check(Name, name)) throw new Error(`${what} ${JSON.stringify(name)} is not a DNS name`);
}
