/**
 * The API without a transport: authorization, validation and the verbs, on top of the store. HTTP and the local
 * client both call it, so that both give the same answers.
 */

import { captureState, type StateImage } from '../backup/write.ts';
import type { Clock } from '../clock.ts';
import type { KindName, ObjectOf } from '../kinds/index.ts';
import type { Node } from '../kinds/node.ts';
import type { Actor, Admission, Reader, Store, StoreHealth } from '../store.ts';
import { authorize, authorizeBackup, type Verb } from './authz.ts';
import type { Core, ServiceStatistics, WriteParameters } from './commit.ts';
import { type Identities, randomIdentities } from './identities.ts';
import { createObject } from './verbs/create.ts';
import { type Deleted, type DeleteParameters, deleteObject } from './verbs/delete.ts';
import { type PatchType, patchObject, patchStatus } from './verbs/patch.ts';
import { getObject, type ListPage, type ListParameters, listObjects } from './verbs/read.ts';
import { type ReadPoint, reach, revisionOfAnotherStore, revisionTooLarge } from './verbs/read-point.ts';
import { type Registration, registerNode } from './verbs/register.ts';
import { patchScale, type Scale, scaleOf, updateScale } from './verbs/scale.ts';
import { updateObject, updateStatus } from './verbs/update.ts';
import { type ServerWatchEvent, type WatchParameters, watchObjects } from './verbs/watch.ts';

export interface ApiServiceOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** The store's own rules, run by hand in a dry run, which commits nothing. */
  readonly admission?: Admission;
  readonly identities?: Identities;
}

export interface PatchParameters extends WriteParameters {
  readonly type: PatchType;
}

/** All methods throw ApiError. */
export class ApiService {
  readonly #core: Core;

  constructor(options: ApiServiceOptions) {
    const { store, clock, admission = () => {}, identities = randomIdentities } = options;
    this.#core = { store, clock, admission, identities, statistics: { commits: 0, watchers: 0 } };
  }

  /** The committed state. */
  get state(): Reader {
    return this.#core.store.state;
  }

  get health(): StoreHealth {
    return this.#core.store.health;
  }

  get clock(): Clock {
    return this.#core.clock;
  }

  get statistics(): Readonly<ServiceStatistics> {
    return this.#core.statistics;
  }

  /** @throws ApiError Forbidden, with what to do instead */
  authorize(actor: Actor, verb: Verb, kind: KindName, name?: string, subresource?: string): void {
    authorize(actor, verb, kind, name, subresource);
  }

  /**
   * Resolves when a read would show what is asked for; before it, `get` and `list` show what there is.
   * @throws ApiError Timeout where there is no such revision; ServiceUnavailable where this server cannot catch up now
   */
  async readable(kind: KindName, point: ReadPoint): Promise<void> {
    if (await reach(this.#core, kind, point)) return;
    throw revisionTooLarge(point.atLeast ?? 0, this.state.revisionOf(kind));
  }

  /** The same for a watch. @throws ApiError Expired where there is no such revision */
  async watchable(kind: KindName, point: ReadPoint): Promise<void> {
    if (await reach(this.#core, kind, point)) return;
    throw revisionOfAnotherStore(point.atLeast ?? 0, this.state.revisionOf(kind));
  }

  get<K extends KindName>(actor: Actor, kind: K, name: string): ObjectOf<K> {
    authorize(actor, 'get', kind, name);
    return getObject(this.state, kind, name);
  }

  list<K extends KindName>(actor: Actor, kind: K, parameters: ListParameters = {}): ListPage<K> {
    authorize(actor, 'list', kind);
    return listObjects(this.state, kind, parameters);
  }

  async create<K extends KindName>(
    actor: Actor,
    kind: K,
    written: unknown,
    parameters: WriteParameters = {},
  ): Promise<ObjectOf<K>> {
    return createObject(this.#core, actor, kind, written, parameters);
  }

  async update<K extends KindName>(
    actor: Actor,
    kind: K,
    name: string,
    written: unknown,
    parameters: WriteParameters = {},
  ): Promise<ObjectOf<K>> {
    authorize(actor, 'update', kind, name);
    return updateObject(this.#core, actor, kind, name, written, parameters);
  }

  async updateStatus<K extends KindName>(
    actor: Actor,
    kind: K,
    name: string,
    written: unknown,
    parameters: WriteParameters = {},
  ): Promise<ObjectOf<K>> {
    authorize(actor, 'update', kind, name, 'status');
    return updateStatus(this.#core, actor, kind, name, written, parameters);
  }

  async patch<K extends KindName>(
    actor: Actor,
    kind: K,
    name: string,
    patch: unknown,
    parameters: PatchParameters,
  ): Promise<ObjectOf<K>> {
    authorize(actor, 'patch', kind, name);
    return patchObject(this.#core, actor, kind, name, patch, parameters);
  }

  async patchStatus<K extends KindName>(
    actor: Actor,
    kind: K,
    name: string,
    patch: unknown,
    parameters: PatchParameters,
  ): Promise<ObjectOf<K>> {
    authorize(actor, 'patch', kind, name, 'status');
    return patchStatus(this.#core, actor, kind, name, patch, parameters);
  }

  async delete<K extends KindName>(
    actor: Actor,
    kind: K,
    name: string,
    parameters: DeleteParameters = {},
  ): Promise<Deleted<K>> {
    authorize(actor, 'delete', kind, name);
    return deleteObject(this.#core, actor, kind, name, parameters);
  }

  /**
   * Calls back for what is there (where asked for) and for every change, in order, until the signal aborts.
   * The callback must return at once.
   */
  watch<K extends KindName>(
    actor: Actor,
    kind: K,
    parameters: WatchParameters,
    onEvent: (event: ServerWatchEvent<K>) => void,
  ): void {
    authorize(actor, 'watch', kind);
    watchObjects(this.#core, kind, parameters, onEvent);
  }

  getScale(actor: Actor, name: string): Scale {
    authorize(actor, 'get', 'Service', name, 'scale');
    return scaleOf(getObject(this.state, 'Service', name));
  }

  async updateScale(
    actor: Actor,
    name: string,
    scale: unknown,
    parameters: WriteParameters = {},
  ): Promise<Scale> {
    authorize(actor, 'update', 'Service', name, 'scale');
    return updateScale(this.#core, actor, name, scale, parameters);
  }

  async patchScale(actor: Actor, name: string, patch: unknown, parameters: PatchParameters): Promise<Scale> {
    authorize(actor, 'patch', 'Service', name, 'scale');
    return patchScale(this.#core, actor, name, patch, parameters);
  }

  /**
   * Everything that is kept, as of one revision, for a backup.
   * @param options.stale take what is here where it cannot be found out now whether others have committed more
   */
  async capture(actor: Actor, { stale }: { readonly stale: boolean }): Promise<StateImage> {
    authorizeBackup(actor);
    if (!stale) await this.#core.store.barrier();
    return captureState(this.state);
  }

  /**
   * Lets a machine join under a name: makes its `Node`, unless it is there, and a new credential.
   * @returns the node, and the token: it is told this once and stored nowhere
   */
  async registerNode(
    actor: Actor,
    name: string,
    registration: unknown,
    parameters: WriteParameters = {},
  ): Promise<{ node: Node; token: string }> {
    authorize(actor, 'create', 'Node', name, 'register');
    return registerNode(this.#core, actor, name, registration as Registration, parameters);
  }
}
