/** OpenAPI v3, made from the kinds' schemas: an index, and one document for the group. */
import { createHash } from 'node:crypto';
import { PART_MEANINGS } from '../../kinds/fields.ts';
import { KIND_NAMES, type KindName, kindDefinition } from '../../kinds/index.ts';
import { API_VERSION, described, GROUP, ObjectMeta, VERSION } from '../../meta.ts';

/** Path of the group in the index and, below `/openapi/v3/`, of its document. */
const GROUP_PATH = `apis/${API_VERSION}`;
const META_SCHEMA = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

export interface OpenApi {
  /** Answer of `/openapi/v3`. */
  readonly index: object;
  /** Answer of `/openapi/v3/apis/mill.dev/v1alpha1`. */
  readonly document: object;
}

export function openApi(version: string): OpenApi {
  const document = {
    openapi: '3.0.0',
    info: { title: 'mill', version },
    paths: Object.assign({}, ...KIND_NAMES.map(pathsOf)) as object,
    components: {
      schemas: {
        [META_SCHEMA]: toOpenApi(ObjectMeta),
        ...(Object.assign({}, ...KIND_NAMES.map(schemasOf)) as object),
      },
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    },
    security: [{ token: [] }],
  };
  // The hash in the address lets clients keep the document until it changes.
  const hash = createHash('sha256').update(JSON.stringify(document)).digest('hex').slice(0, 32).toUpperCase();
  const index = { paths: { [GROUP_PATH]: { serverRelativeURL: `/openapi/v3/${GROUP_PATH}?hash=${hash}` } } };
  return { index, document };
}

const schemaName = (kind: string): string => `dev.mill.${VERSION}.${kind}`;
const reference = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const groupVersionKind = (kind: string) => ({ group: GROUP, version: VERSION, kind });

function schemasOf(kind: KindName): object {
  const { spec, status, description } = kindDefinition(kind);
  const typed = { apiVersion: { type: 'string' }, kind: { type: 'string' } };
  return {
    [schemaName(kind)]: {
      type: 'object',
      description,
      properties: {
        ...typed,
        metadata: { allOf: [reference(META_SCHEMA)], default: {} },
        spec: toOpenApi(described(spec, PART_MEANINGS.spec)),
        status: toOpenApi(described(status, PART_MEANINGS.status)),
      },
      'x-kubernetes-group-version-kind': [groupVersionKind(kind)],
    },
    [schemaName(`${kind}List`)]: {
      type: 'object',
      required: ['items'],
      properties: {
        ...typed,
        metadata: {
          type: 'object',
          properties: { resourceVersion: { type: 'string' }, continue: { type: 'string' } },
        },
        items: { type: 'array', items: reference(schemaName(kind)) },
      },
      'x-kubernetes-group-version-kind': [groupVersionKind(`${kind}List`)],
    },
  };
}

const queryParameter = (name: string, type: string) => ({ name, in: 'query', schema: { type } });
const POINT_PARAMETERS = ['resourceVersion', 'consistency'].map((name) => queryParameter(name, 'string'));
const READ_PARAMETERS = [
  ...POINT_PARAMETERS,
  ...['labelSelector', 'fieldSelector', 'continue', 'resourceVersionMatch'].map((name) =>
    queryParameter(name, 'string'),
  ),
  ...['limit', 'timeoutSeconds'].map((name) => queryParameter(name, 'integer')),
  ...['watch', 'allowWatchBookmarks', 'sendInitialEvents'].map((name) => queryParameter(name, 'boolean')),
];
/** `fieldValidation` must be named on PATCH, or kubectl checks fields on its own side. */
const WRITE_PARAMETERS = ['dryRun', 'fieldManager', 'fieldValidation'].map((name) =>
  queryParameter(name, 'string'),
);
const PATCH_TYPES = ['application/merge-patch+json', 'application/json-patch+json'];

function pathsOf(kind: KindName): object {
  const base = `/${GROUP_PATH}/${kindDefinition(kind).plural}`;
  const object = reference(schemaName(kind));
  const list = reference(schemaName(`${kind}List`));
  const operation = (action: string, parameters: readonly object[], answer: object, body?: object) => ({
    operationId: `${action}${kind}`,
    tags: [kind],
    parameters,
    ...(body ? { requestBody: { required: true, content: body } } : {}),
    responses: { 200: { description: 'OK', content: { 'application/json': { schema: answer } } } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': groupVersionKind(kind),
  });
  const whole = { 'application/json': { schema: object }, 'application/yaml': { schema: object } };
  const patch = Object.fromEntries(PATCH_TYPES.map((type) => [type, { schema: { type: 'object' } }]));
  const name = { name: 'name', in: 'path', required: true, schema: { type: 'string' } };
  const replace = {
    parameters: [name],
    get: operation('get', POINT_PARAMETERS, object),
    put: operation('put', WRITE_PARAMETERS, object, whole),
    patch: operation('patch', WRITE_PARAMETERS, object, patch),
  };
  return {
    [base]: {
      get: operation('list', READ_PARAMETERS, list),
      post: operation('post', WRITE_PARAMETERS, object, whole),
    },
    [`${base}/{name}`]: { ...replace, delete: operation('delete', WRITE_PARAMETERS, { type: 'object' }) },
    [`${base}/{name}/status`]: replace,
  };
}

/** JSON Schema as the kinds have it → the dialect of OpenAPI 3.0, which knows no lists of types and no key patterns. */
function toOpenApi(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(toOpenApi);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { patternProperties, ...rest } = schema as Readonly<Record<string, unknown>>;
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(rest)) result[key] = toOpenApi(value);
  if (typeof rest.title === 'string') {
    // `kubectl explain` shows the description only.
    delete result.title;
    result.description = [rest.description, rest.title].filter((text) => text !== undefined).join('; ');
  }
  if (Array.isArray(rest.type)) {
    // Kubernetes' way to say that a number or a text is taken.
    delete result.type;
    delete result.pattern;
    result['x-kubernetes-int-or-string'] = true;
  }
  if (typeof patternProperties === 'object' && patternProperties !== null) {
    result.additionalProperties = toOpenApi(Object.values(patternProperties)[0]);
  } else if (rest.additionalProperties === false) {
    // Structural schemas say it by naming the properties.
    delete result.additionalProperties;
  }
  return result;
}
