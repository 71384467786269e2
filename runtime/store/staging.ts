/** From what `decide` wants written to the changes that a commit makes: revisions, frozen objects, and their JSON. */
import { type AnyObject, isEphemeral, type KindName } from '../../api/kinds/index.ts';
import type { Change, Reader, Write } from '../../api/store.ts';
import { atRevision, deepFreeze, revised } from './frozen.ts';
import { checkIndexable } from './state.ts';

export interface Staged {
  readonly changes: readonly Change[];
  /** The objects put, as they will be read. */
  readonly objects: readonly AnyObject[];
  /** JSON of the object that each change puts; undefined where it deletes one, and for ephemeral kinds. */
  readonly texts: readonly (string | undefined)[];
}

/** One write as the journal has it. The revision of a put stands in the object. */
export type StoredWrite =
  | { readonly put: AnyObject }
  | { readonly delete: { readonly kind: KindName; readonly name: string; readonly revision: number } };

/**
 * Works out a commit's changes against the state where they land; changes nothing itself. Deleting what is not
 * there is no change and takes no revision.
 * @param first revision of the first change
 * @throws RangeError for an unknown kind, TypeError for what JSON cannot hold
 */
export function stage(before: Reader, writes: readonly Write[], first = before.revision + 1): Staged {
  const changes: Change[] = [];
  const objects: AnyObject[] = [];
  const texts: (string | undefined)[] = [];
  // What this very commit wrote so far: it may write an object more than once.
  const written = writes.length > 1 ? new Map<string, AnyObject | undefined>() : undefined;
  let revision = first - 1;
  for (const write of writes) {
    const kind = write.type === 'put' ? write.object.kind : write.kind;
    const name = write.type === 'put' ? write.object.metadata.name : write.name;
    const id = written ? `${kind}/${name}` : '';
    const old = written?.has(id) ? written.get(id) : before.get(kind, name);
    if (write.type === 'delete') {
      if (!old) continue;
      revision += 1;
      changes.push({ type: 'deleted', object: atRevision(old, revision), revision });
      texts.push(undefined);
      written?.set(id, undefined);
      continue;
    }
    revision += 1;
    const object = revised(write.object, revision);
    // What is frozen takes longer to write.
    texts.push(isEphemeral(kind) ? undefined : JSON.stringify(object));
    deepFreeze(object, old);
    // Before anything is changed: an object that an index cannot read would be left half applied.
    checkIndexable(object);
    changes.push(old ? { type: 'modified', object, old, revision } : { type: 'added', object, revision });
    objects.push(object);
    written?.set(id, object);
  }
  return { changes, objects, texts };
}

/** JSON array of a commit's writes to durable kinds (see `StoredWrite`); empty where there is none. */
export function journalText({ changes, texts }: Pick<Staged, 'changes' | 'texts'>): string {
  const writes: string[] = [];
  for (const [index, { type, object, revision }] of changes.entries()) {
    const { kind, metadata } = object;
    if (isEphemeral(kind)) continue;
    const name = metadata.name;
    writes.push(
      type === 'deleted' ? JSON.stringify({ delete: { kind, name, revision } }) : `{"put":${texts[index]}}`,
    );
  }
  return writes.length === 0 ? '' : `[${writes.join(',')}]`;
}

/** The change that a stored write makes to a state, while the journal is read again. */
export function replayed(state: Reader, write: StoredWrite): Change | undefined {
  if ('put' in write) {
    const object = deepFreeze(write.put);
    const revision = Number(object.metadata.resourceVersion);
    const old = state.get(object.kind, object.metadata.name);
    return old ? { type: 'modified', object, old, revision } : { type: 'added', object, revision };
  }
  const { kind, name, revision } = write.delete;
  const old = state.get(kind, name);
  return old && { type: 'deleted', object: atRevision(old, revision), revision };
}
