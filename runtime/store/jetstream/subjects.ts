/** Where an object lives in a bucket: one subject each, in the layout of a NATS key-value bucket. */
import { type AnyObject, KIND_NAMES, type KindName, kindDefinition } from '../../../api/kinds/index.ts';

/** Where mill keeps what is no object. No plural of a kind begins with it. */
const INTERNAL = '_';

const kindByPlural = new Map(KIND_NAMES.map((kind) => [kindDefinition(kind).plural, kind]));

export class Subjects {
  readonly stream: string;
  readonly #prefix: string;

  /** @param bucket name of a key-value bucket */
  constructor(bucket: string) {
    this.stream = `KV_${bucket}`;
    this.#prefix = `$KV.${bucket}.`;
  }

  get all(): string {
    return `${this.#prefix}>`;
  }

  /** Subject of a record that is no object. */
  internal(name: string): string {
    return `${this.#prefix}${INTERNAL}.${name}`;
  }

  /** `nodes.node-3`; allocs stand under their node: `allocs.node-3.web-0`. */
  of(object: AnyObject): string {
    const name = token(object.metadata.name);
    const place = object.kind === 'Alloc' ? `${token(object.spec.node)}.${name}` : name;
    return `${this.#prefix}${kindDefinition(object.kind).plural}.${place}`;
  }

  /** What a subject is of; undefined where it is no object's. */
  read(subject: string): { readonly kind: KindName; readonly name: string } | undefined {
    if (!subject.startsWith(this.#prefix)) return undefined;
    const tokens = subject.slice(this.#prefix.length).split('.');
    const kind = kindByPlural.get(tokens[0] ?? '');
    const name = tokens[kind === 'Alloc' ? 2 : 1];
    if (!kind || name === undefined || tokens.length !== (kind === 'Alloc' ? 3 : 2)) return undefined;
    return { kind, name: name.replaceAll('_', '.') };
  }
}

/** A name may hold dots, which part the tokens of a subject; it never holds an underscore. */
const token = (name: string): string => name.replaceAll('.', '_');
