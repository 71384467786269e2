/** An informer of ready nodes over a scripted server, and what it tells. */
import type { AnyObject } from '../../../api/kinds/index.ts';
import { silentLog } from '../../../api/log.ts';
import type { Change } from '../../../api/store.ts';
import { createInformer, type Informer, type InformerOptions } from '../../../runtime/informer.ts';
import { flushMicrotasks, VirtualClock } from '../../vocabulary/clock.ts';
import { changed } from '../../vocabulary/objects.ts';
import { seededRandom } from '../../vocabulary/world.ts';
import { ScriptedServer } from './scripted-client.ts';

/** Longer than any pause before a watch is taken up again. */
export const LONG_MS = 10_000;

export const at = (object: AnyObject, revision: number) =>
  changed(object, { metadata: { resourceVersion: String(revision) } });

export const say = (change: Change) => `${change.type} ${change.object.metadata.name}@${change.revision}`;

export class InformerWorld {
  readonly server = new ScriptedServer();
  readonly clock = new VirtualClock();
  readonly told: string[] = [];
  readonly warnings: string[] = [];
  #informer: Informer | undefined;

  constructor() {
    this.server.revision = 10;
  }

  /** @param items that the server lists */
  async start(
    items: readonly AnyObject[] = [],
    options: Pick<InformerOptions, 'after' | 'certainForMs'> = {},
  ): Promise<Informer> {
    this.server.items = [...items];
    const informer = createInformer({
      client: this.server.client,
      clock: this.clock,
      log: { ...silentLog, warn: (_fields, message) => void this.warnings.push(message) },
      random: seededRandom(),
      watches: [{ kind: 'Node', fieldSelector: 'status.phase=ready' }],
      ...options,
    });
    informer.subscribe({ kinds: ['Node'] }, (change) => this.told.push(say(change)));
    this.#informer = informer;
    await flushMicrotasks();
    return informer;
  }

  close(): void {
    this.#informer?.close();
  }
}
