/** What the volume controller does: one step at the driver, or one record in the object. */
import { isApiError } from '../../api/errors.ts';
import type { Volume, VolumeStatus } from '../../api/kinds/volume.ts';
import { sameJson } from '../../api/same-json.ts';
import type { CommandTable, Context } from '../../runtime/controller/controller.ts';
import { type VolumeDriver, volumeRef } from '../../runtime/drivers/volume.ts';
import type { Command } from './machine.ts';

const VOLUME_FINALIZER = 'mill.dev/volume';

type On = Context & { readonly object: Volume };

/** @param driverOf the driver of a volume; undefined where none is configured */
export function volumeCommands(
  driverOf: (volume: Volume) => VolumeDriver | undefined,
): CommandTable<'Volume', Command> {
  const driverFor = (volume: Volume): VolumeDriver => {
    const driver = driverOf(volume);
    if (!driver) throw new Error(noDriverMessage(volume));
    return driver;
  };
  return {
    reportProblem: ({ message }, on) => fail(on, new Error(message)),
    async provisionVolume(_, on) {
      const handle = await orFail(on, 'provision', driverFor(on.object).provision(volumeRef(on.object)));
      await write(on, current(on), { phase: 'ready', handle });
    },
    async claimNode({ node }, { client, object }) {
      const { name, resourceVersion } = object.metadata;
      try {
        await client.patch('Volume', name, { metadata: { resourceVersion }, spec: { node } });
      } catch (error) {
        // It changed meanwhile: that change has it judged again.
        if (!isApiError(error, 'Conflict')) throw error;
      }
    },
    // Revision-checked against what was judged, also where it says so already: whoever mounted it since, or wants it
    // back, makes this fail, and nothing is detached.
    async recordDetaching({ node }, { client, object }) {
      const { apiVersion, kind, metadata, spec, status: before } = object;
      // One that failed says so until it is done, or each attempt would be a change, and bring on the next at once.
      const isRecorded = before.phase === 'failed' && before.node === node;
      const status = isRecorded ? before : { ...before, phase: 'detaching' as const, node };
      await client.updateStatus<'Volume'>({ apiVersion, kind, metadata, spec, status });
    },
    async detachVolume({ node }, on) {
      const { object } = on;
      await orFail(on, `detach from node "${node}"`, driverFor(object).detach(volumeRef(object), node));
    },
    async recordDetached({ node }, on) {
      const { object } = on;
      await write(on, current(on), { phase: 'ready' });
      if (object.status.mounted) {
        on.events.warning(object, 'DetachedByForce', `node "${node}" is lost: detached from it by force`);
      } else on.events.normal(object, 'Detached', `detached from node "${node}"`);
    },
    recordAttaching: ({ node }, on) => write(on, on.object, { phase: 'attaching', node }),
    async attachVolume({ node }, on) {
      const { object } = on;
      await orFail(on, `attach to node "${node}"`, driverFor(object).attach(volumeRef(object), node));
    },
    async recordAttached({ node }, on) {
      const volume = current(on);
      // It may have been there, and in use, all the time.
      const isMounted = volume?.status.mounted && volume.status.node === node;
      await write(on, volume, { phase: 'attached', node, ...(isMounted ? { mounted: true } : {}) });
      on.events.normal(on.object, 'Attached', `attached to node "${node}"`);
    },
    destroyVolume: (_, on) => orFail(on, 'delete', driverFor(on.object).destroy(volumeRef(on.object))),
    async removeFinalizer(_, on) {
      const { metadata } = current(on) ?? on.object;
      const finalizers = (metadata.finalizers ?? []).filter((finalizer) => finalizer !== VOLUME_FINALIZER);
      const { name, resourceVersion } = metadata;
      try {
        await on.client.patch('Volume', name, { metadata: { resourceVersion, finalizers } });
      } catch (error) {
        if (!isApiError(error, 'NotFound')) throw error;
      }
    },
  };
}

export const noDriverMessage = ({ spec }: Volume): string =>
  `no driver "${spec.driver}" is configured on this server`;

const current = ({ reader, object }: On): Volume | undefined => {
  const volume = reader.get('Volume', object.metadata.name);
  return volume?.metadata.uid === object.metadata.uid ? volume : undefined;
};

/** Nothing where it is gone. @param status the whole new one; handle and generation are added */
async function write(on: On, volume: Volume | undefined, status: VolumeStatus): Promise<void> {
  if (!volume) return;
  const { apiVersion, kind, metadata, spec } = volume;
  const { handle } = volume.status;
  const whole = {
    ...(handle === undefined ? {} : { handle }),
    ...status,
    observedGeneration: metadata.generation,
  };
  if (sameJson(whole, volume.status)) return;
  await on.client.updateStatus<'Volume'>({ apiVersion, kind, metadata, spec, status: whole });
}

async function orFail<T>(on: On, what: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return fail(on, new Error(`cannot ${what}: ${reason}`, { cause }));
  }
}

/** The problem is said where the operator looks, and thrown, so that the queue tries again with backoff. */
async function fail(on: On, problem: Error): Promise<never> {
  const volume = current(on);
  if (volume) {
    const { observedGeneration: _, ...status } = volume.status;
    await write(on, volume, { ...status, phase: 'failed', message: problem.message });
  }
  throw problem;
}
