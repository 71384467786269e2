/** The embedded store in the data directory of a server that does not run. */
import { resolve } from 'node:path';
import type { Clock } from '../../../api/clock.ts';
import type { AnyObject } from '../../../api/kinds/index.ts';
import { localVolumeHandle } from '../../../runtime/drivers/local-volume.ts';
import { importStore, REVISION_GAP, refuseUnlessEmpty } from '../../../runtime/store/import.ts';
import { verifyStore } from '../../../runtime/store/verify.ts';
import { storeDirectory, volumesDirectory } from '../data-layout.ts';
import type { StoreAccess } from './access.ts';

export function accessEmbedded(data: string, clock: Clock): StoreAccess {
  const dir = storeDirectory(data);
  const volumes = volumesDirectory(resolve(data));
  return {
    place: dir,
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
    adapt: (object) => atHome(object, volumes),
    async import(objects) {
      await importStore(dir, objects);
      return objects.revision + REVISION_GAP;
    },
    async close() {},
  };
}

/** Local volumes are looked for in the data directory that the store is in now. */
function atHome(object: AnyObject, volumes: string): AnyObject {
  if (object.kind !== 'Volume' || object.spec.driver !== 'local' || object.status.handle === undefined) {
    return object;
  }
  const { name, uid } = object.metadata;
  return { ...object, status: { ...object.status, handle: localVolumeHandle(volumes, { name, uid }) } };
}
