/** YAML and JSON texts → objects to write, each knowing where it stands; hostile or sloppy text is refused. */
import { type Document, LineCounter, parseAllDocuments, type YAMLError } from 'yaml';
import type { Written } from '../../client/client.ts';
import type { KindName } from '../../kinds/index.ts';
import { lookUpKind, objectName } from '../kind-names.ts';
import { API_GROUP_VERSION } from '../output/format.ts';
import { findUnfit, isNestedTooDeep, isRecord } from './bounds.ts';
import { fieldPath, lineOf } from './position.ts';
import type { ManifestText } from './read.ts';

/** Most uses of an anchor in a document: enough for people, too few to blow a few lines up to gigabytes. */
const MAX_ALIASES = 100;
/** An object that a text asks for. */
export interface Manifest {
  readonly kind: KindName;
  readonly name: string;
  /** As it stands in the file, without what the server sets. */
  readonly object: Written;
  /** A message about it, with file, document, object and, where a field is named, its line. */
  describe(message: string, field?: string): string;
}

export interface ParsedManifests {
  readonly manifests: readonly Manifest[];
  /** What is wrong, one line each; where there is any, nothing of it all may be written. */
  readonly problems: readonly string[];
}

/** Parses all texts, and goes on after a problem, so that all are reported at once. */
export function parseManifests(texts: readonly ManifestText[]): ParsedManifests {
  const manifests: Manifest[] = [];
  const problems: string[] = [];
  for (const text of texts) parseText(text, manifests, problems);
  const seen = new Map<string, Manifest>();
  for (const manifest of manifests) {
    const key = objectName(manifest.kind, manifest.name);
    const first = seen.get(key);
    if (first)
      problems.push(manifest.describe(`given twice: first as ${first.describe('')}`.replace(/: $/, '')));
    seen.set(key, first ?? manifest);
  }
  if (manifests.length === 0 && problems.length === 0) {
    problems.push(`${texts.map(({ file }) => file).join(', ')}: there is no object in it`);
  }
  return { manifests, problems };
}

function parseText({ file, text }: ManifestText, manifests: Manifest[], problems: string[]): void {
  if (isNestedTooDeep(text)) {
    problems.push(`${file}: cannot be read: nested too deep`);
    return;
  }
  const lines = new LineCounter();
  let documents: Document[];
  try {
    const parsed = parseAllDocuments(text, { lineCounter: lines, uniqueKeys: true, strict: true });
    documents = 'empty' in parsed ? [] : (parsed as Document[]);
  } catch (error) {
    // The parser recurses: a text nested thousands deep ends its stack.
    problems.push(
      `${file}: cannot be read: ${error instanceof RangeError ? 'nested too deep' : String(error)}`,
    );
    return;
  }
  for (const [index, document] of documents.entries()) {
    const place = `${file}: document ${index + 1}`;
    // An unknown tag (`!!js/function`) is a warning to the parser; here it is no manifest.
    const wrong = document.errors[0] ?? document.warnings[0];
    if (wrong) problems.push(`${place}: ${yamlMessage(wrong)}`);
    else if (document.contents !== null) parseDocument(document, place, lines, manifests, problems);
  }
}

function parseDocument(
  document: Document,
  place: string,
  lines: LineCounter,
  manifests: Manifest[],
  problems: string[],
): void {
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    problems.push(`${place}: ${error instanceof RangeError ? 'nested too deep' : firstLine(error)}`);
    return;
  }
  if (value === null || value === undefined) return;
  const plain = findUnfit(value);
  if (plain) {
    problems.push(`${place}: ${plain}`);
    return;
  }
  const locate = (path: readonly (string | number)[]) => lineOf(document, path, lines);
  const items =
    isRecord(value) && /^([A-Z][A-Za-z]*)?List$/.test(String(value.kind)) ? value.items : undefined;
  if (items === undefined) {
    addManifest(value, place, [], locate, manifests, problems);
  } else if (!Array.isArray(items)) {
    problems.push(`${place}: items: must be a list`);
  } else {
    for (const [index, item] of items.entries()) {
      addManifest(item, `${place}, item ${index + 1}`, ['items', index], locate, manifests, problems);
    }
  }
}

function addManifest(
  value: unknown,
  place: string,
  base: readonly (string | number)[],
  locate: (path: readonly (string | number)[]) => number | undefined,
  manifests: Manifest[],
  problems: string[],
): void {
  const say = (where: string, message: string, field = '') => {
    const line = locate([...base, ...fieldPath(field)]);
    return `${place}${where}: ${field && !message.startsWith(`${field}: `) ? `${field}: ` : ''}${message}${line === undefined ? '' : ` (line ${line})`}`;
  };
  if (!isRecord(value)) {
    problems.push(say('', 'must be an object with apiVersion, kind and metadata'));
    return;
  }
  const { apiVersion, kind: kindWord, metadata } = value;
  const kind = typeof kindWord === 'string' ? lookUpKind(kindWord) : undefined;
  const name = isRecord(metadata) && typeof metadata.name === 'string' ? metadata.name : '';
  const where = kind && name ? ` (${objectName(kind, name)})` : '';
  if (apiVersion !== API_GROUP_VERSION) {
    problems.push(say(where, `must be ${API_GROUP_VERSION}${got(apiVersion)}`, 'apiVersion'));
  } else if (!kind || kind !== kindWord) {
    problems.push(
      say(where, `${kind ? `must be ${kind}` : 'there is no such kind'}${got(kindWord)}`, 'kind'),
    );
  } else if (!isRecord(metadata) || name === '') {
    problems.push(say(where, 'is missing', 'metadata.name'));
  } else {
    manifests.push({
      kind,
      name,
      object: writable(kind, name, value, metadata),
      describe: (message, field) => say(where, message, field),
    });
  }
}

const SERVER_SET = [
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'managedFields',
];

/** Without status and what the server sets, so that an object printed by `get -o yaml` can be applied. */
function writable(
  kind: KindName,
  name: string,
  value: Record<string, unknown>,
  metadata: Record<string, unknown>,
): Written {
  const { status: _status, ...object } = value;
  const kept = Object.fromEntries(Object.entries(metadata).filter(([key]) => !SERVER_SET.includes(key)));
  return { ...object, kind, metadata: { ...kept, name } };
}

function yamlMessage(error: YAMLError): string {
  const line = error.linePos?.[0].line;
  const message = firstLine(error).replace(/ at line \d+, column \d+:?$/, '');
  return line === undefined ? message : `${message} (line ${line})`;
}

const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
const got = (value: unknown): string => (value === undefined ? '' : ` (got ${JSON.stringify(value)})`);
