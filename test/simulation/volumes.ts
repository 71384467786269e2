/** Volumes as they really are: where each is attached and mounted, and drivers that are slow, fail, or fail after all was done. */
import type { VolumeDriver, VolumeMounter, VolumeRef } from '../../runtime/drivers/volume.ts';
import type { Machine } from './machine.ts';
import { never, type SimulatedProcess } from './process.ts';
import { between } from './randomness.ts';
import type { Witness } from './witness.ts';

/** Longer than the cloud takes for a step mostly: whoever is slower must be waited for. */
const SLOWEST_MOUNT_MS = 60;

/** The cloud's view, and what is wrong with the cloud now. */
export class Cloud {
  /** uid → node; undefined: detached. */
  readonly attached = new Map<string, string | undefined>();
  /** uids of the volumes with which something is being done: nothing else can be done meanwhile. */
  readonly busy = new Set<string>();
  slowestMs = 10;
  /** Share of calls that fail, half of them after their work was done. */
  failures = 0;
}

export function createSimulatedVolumes(
  cloud: Cloud,
  server: SimulatedProcess,
  witness: Witness,
): VolumeDriver {
  /** A call that was sent takes effect, also when the server dies meanwhile. */
  const ask = async <T>(what: string, { uid }: VolumeRef, effect: () => T): Promise<T> => {
    const { random, timeline } = server;
    const fails = random() < cloud.failures;
    const isTooLate = fails && random() < 0.5;
    if (!server.step()) return never();
    if (what !== 'look' && cloud.busy.has(uid)) throw new Error(`${what}: an operation is under way`);
    if (what !== 'look') cloud.busy.add(uid);
    await timeline.wait(between(random, 1, cloud.slowestMs));
    if (what !== 'look') cloud.busy.delete(uid);
    if (fails && !isTooLate) throw new Error(`${what}: the driver does not answer`);
    const result = effect();
    if (!server.step()) return never();
    if (isTooLate) throw new Error(`${what}: the driver does not answer`);
    return result;
  };
  return {
    provision: (volume) =>
      ask('provision', volume, () => {
        if (!cloud.attached.has(volume.uid)) cloud.attached.set(volume.uid, undefined);
        return `disk-${volume.uid}`;
      }),
    attach: (volume, node) =>
      ask('attach', volume, () => {
        const on = cloud.attached.get(volume.uid);
        if (on !== undefined && on !== node) throw new Error(`it is attached to ${on}`);
        if (on === node) return;
        cloud.attached.set(volume.uid, node);
        witness.attached(volume, node);
      }),
    detach: (volume, node) =>
      ask('detach', volume, () => {
        if (cloud.attached.get(volume.uid) !== node) return;
        cloud.attached.set(volume.uid, undefined);
        witness.detached(volume, node);
      }),
    attachedTo: (volume) => ask('look', volume, () => cloud.attached.get(volume.uid)),
    destroy: (volume) =>
      ask('destroy', volume, () => {
        if (cloud.attached.get(volume.uid) !== undefined) throw new Error('it is attached');
        cloud.attached.delete(volume.uid);
      }),
  };
}

export function createSimulatedMounter(
  cloud: Cloud,
  machine: Machine,
  agent: SimulatedProcess,
  witness: Witness,
): VolumeMounter {
  const on = (ref: VolumeRef) => machine.running().some(({ volumes }) => volumes.includes(ref.uid));
  return {
    async mount(ref) {
      await agent.call(between(agent.random, 0.5, SLOWEST_MOUNT_MS), () => {});
      if (cloud.attached.get(ref.uid) !== machine.name) throw new Error('there is no such device');
      machine.mounts.add(ref.uid);
      return `/volumes/${ref.uid}`;
    },
    async unmount(ref) {
      await agent.call(between(agent.random, 0.5, SLOWEST_MOUNT_MS), () => {});
      if (on(ref)) {
        witness.violated('writer', `volume ${ref.name} is unmounted on ${machine.name} under a process`);
      }
      machine.mounts.delete(ref.uid);
    },
  };
}
