/** Every way to write over an object, with every revision that whoever writes may have read. */
import { expect } from 'chai';
import { isApiError } from '../../../api/errors.ts';
import { combinations } from '../../vocabulary/combinations.ts';
import { admin, createWorld, service as serviceObject } from './world.ts';

const VERBS = ['update', 'updateStatus', 'patch', 'patchStatus', 'delete'] as const;
/** Which revision it names: of the object as it is, as it was, as it will be, or none. */
const READ = ['now', 'earlier', 'later', undefined] as const;
const MERGE = { type: 'merge' } as const;

interface Way {
  readonly verb: (typeof VERBS)[number];
  readonly read?: 'now' | 'earlier' | 'later';
}

describe('a write over an object', () => {
  for (const { verb, read } of combinations<Way>({ verb: VERBS, read: READ })) {
    const lands = read === undefined || read === 'now';
    it(`${lands ? 'lands' : 'is refused'}: ${verb} of what was read ${read ?? 'at no revision'}`, async () => {
      const { service } = createWorld();
      const first = await service.create(admin, 'Service', serviceObject('web'));
      const before = await service.update(admin, 'Service', 'web', serviceObject('web', { replicas: 2 }));
      const revisions = {
        now: before.metadata.resourceVersion,
        earlier: first.metadata.resourceVersion,
        later: String(Number(before.metadata.resourceVersion) + 1),
      };
      const named = read === undefined ? {} : { resourceVersion: revisions[read] };
      const metadata = { name: 'web', ...named };
      const status = { ready: 5, wanted: 5, conditions: [] };
      const written = { ...serviceObject('web', { replicas: 5 }), metadata };
      const ways: { readonly [V in Way['verb']]: () => Promise<unknown> } = {
        update: () => service.update(admin, 'Service', 'web', written),
        updateStatus: () => service.updateStatus(admin, 'Service', 'web', { ...written, status }),
        patch: () =>
          service.patch(admin, 'Service', 'web', { metadata: named, spec: { replicas: 5 } }, MERGE),
        patchStatus: () => service.patchStatus(admin, 'Service', 'web', { metadata: named, status }, MERGE),
        delete: () => service.delete(admin, 'Service', 'web', named),
      };
      const error: unknown = await ways[verb]().then(
        () => undefined,
        (reason: unknown) => reason,
      );
      const after = service.get(admin, 'Service', 'web');
      expect(error === undefined).to.equal(lands);
      if (lands) expect(after).to.not.deep.equal(before);
      else {
        expect(isApiError(error, 'Conflict')).to.equal(true);
        expect(after).to.deep.equal(before);
      }
    });
  }
});
