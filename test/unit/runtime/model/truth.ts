/** What there is on a server that the test plays, and what whoever follows it makes of that. */
import { expect } from 'chai';
import type { AnyObject } from '../../../../api/kinds/index.ts';
import type { Change } from '../../../../api/store.ts';
import { node } from '../../../vocabulary/objects.ts';
import { event, type ScriptedServer, type ScriptedWatch } from '../scripted-client.ts';

type Happened = ReturnType<typeof event>;

/** What is on the server, everything that ever was, and how much of that its watch has brought. */
export class Truth {
  readonly server: ScriptedServer;
  readonly #objects = new Map<string, AnyObject>();
  readonly #pictures: string[] = [pictureOf([])];
  readonly #events: Happened[] = [];
  /** The watch that is there now starts at the revision that it asks for. */
  #brought: { readonly by: ScriptedWatch | undefined; upTo: number } = { by: undefined, upTo: 0 };

  constructor(server: ScriptedServer) {
    this.server = server;
  }

  put(name: string): true {
    const old = this.#objects.get(name);
    const revision = this.server.revision + 1;
    const uid = old?.metadata.uid ?? `${name} of ${revision}`;
    const object = node(name, {}, {}, { uid, resourceVersion: String(revision) });
    this.#objects.set(name, object);
    this.#note(event(old ? 'MODIFIED' : 'ADDED', object));
    return true;
  }

  /** @returns false where there is none */
  delete(name: string): boolean {
    const old = this.#objects.get(name);
    if (!old) return false;
    this.#objects.delete(name);
    const resourceVersion = String(this.server.revision + 1);
    this.#note(event('DELETED', { ...old, metadata: { ...old.metadata, resourceVersion } }));
    return true;
  }

  /** What was there at a revision. */
  at(revision: number): string | undefined {
    return this.#pictures[revision];
  }

  /** Through the watch: everything that happened since. @returns false where nothing did */
  deliver(): boolean {
    const { watch, revision } = this.server;
    const after = this.#brought.by === watch ? this.#brought.upTo : Number(watch.request.resourceVersion);
    this.#brought = { by: watch, upTo: revision };
    return this.#send(after, revision);
  }

  /** Through the watch, once more: everything from the beginning that is known already. */
  repeat(upTo: number): boolean {
    return this.#send(0, upTo);
  }

  #send(after: number, upTo: number): boolean {
    // What happened at revision 1 is first in the list.
    const news = this.#events.slice(after, upTo);
    this.server.watch.send(...news);
    return news.length > 0;
  }

  #note(happened: Happened): void {
    this.server.revision += 1;
    this.server.items = [...this.#objects.values()];
    this.#events.push(happened);
    this.#pictures.push(pictureOf(this.server.items));
  }
}

/** Each object by name, life and revision. */
export const pictureOf = (objects: readonly AnyObject[]): string =>
  objects
    .map(({ metadata: { name, uid, resourceVersion } }) => `${name} (${uid}) @${resourceVersion}`)
    .sort()
    .join(', ');

/** A copy made of nothing but what was told. */
export class Retold {
  readonly #objects = new Map<string, AnyObject>();

  get picture(): string {
    return pictureOf([...this.#objects.values()]);
  }

  hear(change: Change): void {
    const { type, object } = change;
    const { name, uid } = object.metadata;
    const known = this.#objects.get(name)?.metadata.uid;
    const expected = type === 'added' ? undefined : uid;
    expect(known, `what was known when ${name} was told to be ${type}`).to.equal(expected);
    if (type === 'deleted') this.#objects.delete(name);
    else this.#objects.set(name, object);
  }
}
