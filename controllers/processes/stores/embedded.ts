/** The embedded store in the data directory of a server that does not run. */
import type { Clock } from '../../../api/clock.ts';
import { importStore, REVISION_GAP, refuseUnlessEmpty } from '../../../runtime/store/import.ts';
import { verifyStore } from '../../../runtime/store/verify.ts';
import { storeDirectory, volumesDirectory } from '../data-layout.ts';
import type { StoreAccess } from './access.ts';

export function accessEmbedded(data: string, clock: Clock): StoreAccess {
  const dir = storeDirectory(data);
  return {
    place: dir,
    volumes: volumesDirectory(data),
    async read() {
      const {
        state,
        revision,
        warnings,
        problems,
        dir: _,
        objects: __,
        ...facts
      } = await verifyStore(dir, clock);
      return {
        ...(state ? { state } : {}),
        revision,
        facts,
        warnings,
        problems: problems.map((message) => ({ object: '', path: '', message })),
      };
    },
    refuseUnlessEmpty: () => refuseUnlessEmpty(dir),
    async import(objects) {
      await importStore(dir, objects);
      return objects.revision + REVISION_GAP;
    },
    async close() {},
  };
}
