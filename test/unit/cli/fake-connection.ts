/** A server in memory for tests of the command line: keeps objects, hands out watches, remembers what was asked. */
import type { Connection, TableEvent } from '../../../api/cli/connection.ts';
import type { Table } from '../../../api/cli/output/table.ts';
import {
  ConnectionError,
  type DeleteOptions,
  type ListOptions,
  type PatchOptions,
  type ReadOptions,
  type WatchEvent,
  type WatchRequest,
  type WriteOptions,
  type Written,
} from '../../../api/client/client.ts';
import type { BackupOptions } from '../../../api/client/http-backup.ts';
import { alreadyExists, notFound } from '../../../api/errors.ts';
import type { AnyObject, KindName, ObjectOf } from '../../../api/kinds/index.ts';

type Json = Record<string, unknown>;
type Change = { readonly kind: KindName; readonly event: WatchEvent<KindName> };

export class FakeConnection implements Connection {
  readonly objects = new Map<string, AnyObject>();
  /** Writes that were not dry runs: `patch Node/node-3 {…}`. */
  readonly writes: string[] = [];
  readonly dryRuns: string[] = [];
  /** What reads asked for. */
  readonly reads: ListOptions[] = [];
  /** Throws to refuse a write. */
  refuse: (object: AnyObject, dryRun: boolean) => void = () => {};
  /** Called after each write that was done. */
  onWrite: (object: AnyObject) => void = () => {};
  /** Answers to `request`. */
  readonly answers = new Map<string, unknown>();
  isAway = false;
  closed = false;
  #revision = 100;
  readonly #watchers = new Set<(change: Change | 'break') => void>();

  constructor(...objects: AnyObject[]) {
    for (const object of objects) this.objects.set(key(object.kind, object.metadata.name), object);
  }

  /** Puts an object as a controller would, and tells the watchers. */
  put(object: AnyObject): void {
    const old = this.objects.get(key(object.kind, object.metadata.name));
    const stored = withRevision(object, ++this.#revision);
    this.objects.set(key(object.kind, object.metadata.name), stored);
    this.#tell({ kind: object.kind, event: { type: old ? 'MODIFIED' : 'ADDED', object: stored } });
  }

  remove(kind: KindName, name: string): void {
    const object = this.objects.get(key(kind, name));
    if (!object) return;
    this.objects.delete(key(kind, name));
    this.#tell({ kind, event: { type: 'DELETED', object: withRevision(object, ++this.#revision) } });
  }

  /** Breaks all watches; with `away`, nothing answers until `isAway` is taken back. */
  breakDown(away = false): void {
    this.isAway = away;
    for (const watcher of this.#watchers) watcher('break');
  }

  get watchCount(): number {
    return this.#watchers.size;
  }

  #answer(): void {
    if (!this.isAway) return;
    throw new ConnectionError('away', {
      cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }),
    });
  }

  async get<K extends KindName>(kind: K, name: string, options: ReadOptions = {}): Promise<ObjectOf<K>> {
    this.reads.push(options);
    this.#answer();
    const object = this.objects.get(key(kind, name));
    if (!object) throw notFound(kind, name);
    return object as ObjectOf<K>;
  }

  async list<K extends KindName>(kind: K, options: ListOptions = {}) {
    this.reads.push(options);
    this.#answer();
    const items = [...this.objects.values()].filter(
      (object) => object.kind === kind && selects(object, options),
    );
    return { items: items as ObjectOf<K>[], resourceVersion: String(this.#revision) };
  }

  async create<K extends KindName>(object: Written<K>, options: WriteOptions = {}): Promise<ObjectOf<K>> {
    this.#answer();
    const { name } = object.metadata;
    if (this.objects.has(key(object.kind, name))) throw alreadyExists(object.kind, name);
    const metadata = {
      ...object.metadata,
      uid: `uid-${name}`,
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
    };
    const stored = { status: {}, ...object, metadata } as unknown as AnyObject;
    return this.#write('create', stored, object, options) as ObjectOf<K>;
  }

  async update<K extends KindName>(): Promise<ObjectOf<K>> {
    throw new Error('not in this test');
  }
  async updateStatus<K extends KindName>(): Promise<ObjectOf<K>> {
    throw new Error('not in this test');
  }

  async patch<K extends KindName>(kind: K, name: string, patch: unknown, options: PatchOptions = {}) {
    const before = await this.get(kind, name);
    const merged = mergePatch(before, patch) as AnyObject;
    const specChanged = JSON.stringify(merged.spec) !== JSON.stringify(before.spec);
    const generation = before.metadata.generation + (specChanged ? 1 : 0);
    const stored = { ...merged, metadata: { ...merged.metadata, generation } } as AnyObject;
    return this.#write('patch', stored, patch, options) as ObjectOf<K>;
  }

  async delete<K extends KindName>(kind: K, name: string, options: DeleteOptions = {}): Promise<void> {
    const object = await this.get(kind, name);
    this.refuse(object, options.dryRun === true);
    this.writes.push(`delete ${key(kind, name)}`);
    this.remove(kind, name);
  }

  async *watch<K extends KindName>(kind: K, request: WatchRequest): AsyncGenerator<WatchEvent<K>> {
    this.#answer();
    const queue: (Change | 'break')[] = [];
    let wake = () => {};
    const watcher = (change: Change | 'break') => {
      queue.push(change);
      wake();
    };
    const abort = () => wake();
    this.#watchers.add(watcher);
    request.signal?.addEventListener('abort', abort);
    try {
      while (!request.signal?.aborted) {
        const change = queue.shift();
        if (change === 'break') throw new ConnectionError('the stream broke');
        if (change?.kind === kind && 'object' in change.event && selects(change.event.object, request)) {
          yield change.event as WatchEvent<K>;
        }
        if (queue.length === 0 && !request.signal?.aborted) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      this.#watchers.delete(watcher);
      request.signal?.removeEventListener('abort', abort);
    }
  }

  async getTable(kind: KindName, name?: string, options: ListOptions = {}): Promise<Table> {
    const items =
      name === undefined ? (await this.list(kind, options)).items : [await this.get(kind, name, options)];
    return tableOf(items);
  }

  async *watchTable(kind: KindName, request: WatchRequest): AsyncGenerator<TableEvent> {
    for await (const event of this.watch(kind, request)) {
      if (event.type !== 'BOOKMARK') yield { type: event.type, table: tableOf([event.object]) };
    }
  }

  async *logs(alloc: string): AsyncGenerator<Uint8Array> {
    yield Buffer.from(`one of ${alloc}\ntwo`);
    yield Buffer.from(` of ${alloc}\n`);
  }

  /** What `backup` gives, piece by piece. */
  backupPieces: readonly Uint8Array[] = [];
  async *backup(_options?: BackupOptions): AsyncGenerator<Uint8Array> {
    this.#answer();
    yield* this.backupPieces;
  }

  async request(method: string, path: string): Promise<unknown> {
    const answer = this.answers.get(`${method} ${path}`);
    if (answer === undefined) throw notFound('path', path);
    return answer;
  }

  close(): void {
    this.closed = true;
  }

  #write(verb: string, object: AnyObject, sent: unknown, { dryRun = false }: WriteOptions): AnyObject {
    this.refuse(object, dryRun);
    const line = `${verb} ${key(object.kind, object.metadata.name)} ${JSON.stringify(sent)}`;
    if (dryRun) {
      this.dryRuns.push(line);
      return object;
    }
    this.writes.push(line);
    this.put(object);
    const stored = this.objects.get(key(object.kind, object.metadata.name)) ?? object;
    this.onWrite(stored);
    return stored;
  }

  #tell(change: Change): void {
    for (const watcher of this.#watchers) watcher(change);
  }
}

const key = (kind: string, name: string) => `${kind}/${name}`;

const withRevision = (object: AnyObject, revision: number): AnyObject =>
  ({ ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } }) as AnyObject;

const tableOf = (objects: readonly AnyObject[]): Table => ({
  columnDefinitions: [{ name: 'Name' }, { name: 'Kind' }, { name: 'Revision', priority: 1 }],
  rows: objects.map(({ kind, metadata }) => ({ cells: [metadata.name, kind, metadata.resourceVersion] })),
});

/** `a.b=c` selectors; a volume that leaves the selection is told of as it is, as the object's new state. */
function selects(object: AnyObject, { fieldSelector, labelSelector }: ListOptions): boolean {
  const fields = (fieldSelector ?? '').split(',').filter((part) => part !== '');
  const labels = (labelSelector ?? '').split(',').filter((part) => part !== '');
  return (
    fields.every((part) => {
      const [path = '', value] = part.split('=');
      let at: unknown = object;
      for (const step of path.split('.')) at = (at as Json | undefined)?.[step];
      return String(at ?? '') === value;
    }) &&
    labels.every((part) => {
      const [name = '', value] = part.split('=');
      return object.metadata.labels?.[name] === value;
    })
  );
}

/** RFC 7386. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result: Json =
    typeof target === 'object' && target !== null && !Array.isArray(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = mergePatch(result[name], value);
  }
  return result;
}
