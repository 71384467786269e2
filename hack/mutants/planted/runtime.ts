/** Bugs in what the controllers stand on: informer, lease, queue, host, and the checks of the API. */
import type { Mutant } from '../mutant.ts';

export const runtime: readonly Mutant[] = [
  {
    name: 'informer-relist-without-deletions',
    file: 'runtime/informer.ts',
    what: 'what was deleted while a watch had expired stays in the copy',
    find: 'if (now === undefined || (wentBack && now !== revisionOf(object)))',
    replace: 'if (wentBack && now !== revisionOf(object))',
  },
  {
    name: 'informer-never-relists',
    file: 'runtime/informer.ts',
    what: 'a watch whose history ran out is taken up from now on, without a list',
    find: `isListed = false;
          // Nothing`,
    replace: `this.#moveTo(kind, this.#state.revision + 1_000);
          // Nothing`,
  },
  {
    name: 'informer-goes-back',
    file: 'runtime/informer.ts',
    what: 'an event that is repeated after a break is taken for a new one',
    find: 'if (revisionOf(object) <= this.revisionOf(object.kind)) return;',
    replace: 'if (revisionOf(object) === this.revisionOf(object.kind)) return;',
  },
  {
    name: 'informer-revision-first',
    file: 'runtime/informer.ts',
    what: 'the revision moves before the change that it stands for is told',
    find: `if (type === 'DELETED') this.#remove(object, revisionOf(object));
    else this.#put(object);
    this.#moveTo(object.kind, revisionOf(object));`,
    replace: `this.#moveTo(object.kind, revisionOf(object));
    if (type === 'DELETED') this.#remove(object, revisionOf(object));
    else this.#put(object);`,
  },
  {
    name: 'lease-deaf-to-rejection',
    file: 'runtime/lease.ts',
    what: 'an agent whose node was removed renews its lease for ever',
    find: 'if (mayPass || this.#rejections < REJECTIONS_TO_BELIEVE) return;',
    replace: 'if (mayPass || this.#rejections > 0) return;',
  },
  {
    name: 'lease-watchdog-armed-once',
    file: 'runtime/lease.ts',
    what: 'a second loss of contact goes unnoticed',
    find: 'for (const watchdog of this.#watchdogs) watchdog.arm();',
    replace: '',
  },
  {
    name: 'queue-forgets-a-key',
    file: 'runtime/controller/queue.ts',
    what: 'a key that comes while it is worked on is lost',
    find: 'if (this.#working.has(key)) this.#dirty.add(key);',
    replace: 'if (this.#working.has(key)) this.#dirty.delete(key);',
  },
  {
    name: 'queue-never-retries',
    file: 'runtime/controller/queue.ts',
    what: 'work that failed is not tried again',
    find: 'this.addAt(key, clock.now() + delayMs);',
    replace: '',
  },
  {
    name: 'queue-works-twice',
    file: 'runtime/controller/queue.ts',
    what: 'a key is worked on twice at a time',
    find: 'if (this.#working.has(key)) this.#dirty.add(key);\n    else this.#waiting.add(key);',
    replace: 'this.#waiting.add(key);',
  },
  {
    name: 'report-unchecked',
    file: 'runtime/controller/controller.ts',
    what: 'a status is written over whatever was written since it was worked out',
    find: 'const { apiVersion, metadata, spec } = object;',
    replace:
      'const { apiVersion, spec, metadata: { resourceVersion: _, ...rest } } = object;\n    const metadata = rest as typeof object.metadata;',
  },
  {
    name: 'watch-misses-the-place-left',
    file: 'runtime/controller/controller.ts',
    what: 'an object that moved does not concern the keys that it had before',
    find: "if (change.type === 'modified' && change.old)",
    replace: "if (change.type === 'deleted' && change.old)",
  },
  {
    name: 'revision-check-missing',
    file: 'api/server/verbs/update.ts',
    what: 'a write that names a revision lands on any other',
    find: 'if (written.resourceVersion && written.resourceVersion !== resourceVersion) throw conflict(kind, name);',
    replace: "if (written.resourceVersion === '-' && resourceVersion) throw conflict(kind, name);",
  },
];
