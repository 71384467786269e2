/** `-o json|yaml|name`: objects as text. */
import { BASE_PATH } from '../../client/paths.ts';
import type { AnyObject, KindName } from '../../kinds/index.ts';
import { objectName } from '../kind-names.ts';

export const OUTPUT_FORMATS = ['table', 'wide', 'json', 'yaml', 'name'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

export const API_GROUP_VERSION = BASE_PATH.replace('/apis/', '');

/** A list as the API answers it. */
export interface ObjectList {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly AnyObject[];
}

export const listOf = (kind: KindName, items: readonly AnyObject[], resourceVersion: string): ObjectList => ({
  apiVersion: API_GROUP_VERSION,
  kind: `${kind}List`,
  metadata: { resourceVersion },
  items,
});

/** Objects of several kinds, as kubectl gives them. */
export const mixedListOf = (items: readonly AnyObject[]) => ({
  apiVersion: 'v1',
  kind: 'List',
  metadata: { resourceVersion: '' },
  items,
});

export const toJson = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

export async function toYaml(value: unknown): Promise<string> {
  const { stringify } = await import('../../yaml.ts');
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}

export const nameOf = (object: AnyObject): string => objectName(object.kind, object.metadata.name);
