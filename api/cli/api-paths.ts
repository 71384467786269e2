/** Paths of the HTTP API, for what goes beside the typed client. */
import type { KindName } from '../kinds/index.ts';
import { KIND_NAMES } from './kind-names.ts';

// A test holds it against `api/meta.ts`, which would bring the schema library with it.
export const API_GROUP_VERSION = 'mill.dev/v1alpha1';

/** `/apis/mill.dev/v1alpha1/nodes/node-3`, and below it. */
export const objectPath = (kind: KindName, name: string, below?: string): string =>
  `/apis/${API_GROUP_VERSION}/${KIND_NAMES[kind].plural}/${encodeURIComponent(name)}${below ? `/${below}` : ''}`;
