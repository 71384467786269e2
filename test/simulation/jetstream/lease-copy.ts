/** The leases as the NATS servers have them in their memory. */
import type { Change, Reader } from '../../../api/store.ts';
import { atRevision } from '../../../runtime/store/frozen.ts';
import { readEntry } from '../../../runtime/store/jetstream/records.ts';
import type { MutableState } from '../../../runtime/store/state.ts';
import { LEASES } from './nats.ts';
import type { Stored } from './stream-log.ts';
import { incoming } from './tail.ts';

export class LeaseCopy {
  readonly #state: MutableState;
  readonly #onChange: (change: Change, state: Reader) => void;

  constructor(state: MutableState, onChange: (change: Change, state: Reader) => void) {
    state.ephemeralRevision = 0;
    this.#state = state;
    this.#onChange = onChange;
  }

  /** @param offset what is added to a sequence to get its revision */
  stored(records: readonly Stored[], offset: number): void {
    for (const record of records) {
      const revision = offset + record.sequence;
      const { content } = readEntry(incoming(record), LEASES);
      if (content.type === 'put') {
        const object = atRevision(content.object, revision);
        const old = this.#state.get(object.kind, object.metadata.name);
        this.#apply(old ? { type: 'modified', object, old, revision } : { type: 'added', object, revision });
      } else if (content.type === 'delete') {
        const old = this.#state.get(content.kind, content.name);
        if (old) this.#apply({ type: 'deleted', object: atRevision(old, revision), revision });
      }
    }
  }

  /** The memory that they were in is gone. */
  forget(): void {
    const revision = (this.#state.ephemeralRevision ?? 0) + 1;
    for (const lease of this.#state.list('Lease')) {
      this.#apply({ type: 'deleted', object: atRevision(lease, revision), revision });
    }
  }

  #apply(change: Change): void {
    this.#state.apply([change]);
    this.#onChange(change, this.#state);
  }
}
