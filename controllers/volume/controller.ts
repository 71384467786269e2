/** The volume controller: attaches each volume to the one node where it is wanted, and detaches it first elsewhere. */
import { volumesOf } from '../../api/kinds/template.ts';
import type { Volume } from '../../api/kinds/volume.ts';
import type { ControllerDefinition } from '../../runtime/controller/controller.ts';
import type { VolumeDriver } from '../../runtime/drivers/volume.ts';
import { volumeRef } from '../../runtime/drivers/volume.ts';
import { volumeCommands } from './commands.ts';
import { type DriverView, type Facts, volumeFacts } from './facts.ts';
import { type Command, machine, type State } from './machine.ts';
import { volumeStatus } from './status.ts';

/** A driver tells nobody when a volume is attached or detached behind its back, or by what was asked of it long ago. */
const LOOK_EVERY_MS = 60_000;

export interface VolumeControllerOptions {
  /** By the name that `spec.driver` gives. */
  readonly drivers: { readonly [D in Volume['spec']['driver']]?: VolumeDriver };
}

export function createVolumeController({
  drivers,
}: VolumeControllerOptions): ControllerDefinition<'Volume', Facts, Command, State> {
  const driverOf = (volume: Volume) => drivers[volume.spec.driver];
  return {
    name: 'volume',
    kind: 'Volume',
    watches: {
      Volume: (volume) => [volume.metadata.name],
      Alloc: (alloc) => volumesOf(alloc.spec.template),
      // Those that are there or wanted there, and those that wait until they can be.
      Node: ({ metadata: { name } }, reader) => [
        ...reader.byIndex('Volume', 'node', name).map((volume) => volume.metadata.name),
        ...reader.byIndex('Alloc', 'node', name).flatMap((alloc) => volumesOf(alloc.spec.template)),
      ],
    },
    observe: async (volume, { reader, nowMs }) => ({
      ...volumeFacts(volume, reader, await view(volume, driverOf(volume))),
      lookAgainAtMs: nowMs + LOOK_EVERY_MS,
    }),
    machine,
    commands: volumeCommands(driverOf),
    report: volumeStatus,
    wakeAt: ({ hasDriver, isProvisioned, lookAgainAtMs }) =>
      hasDriver && isProvisioned ? lookAgainAtMs : undefined,
  };
}

/** Where the driver sees the volume. One that was not provisioned is nowhere, and need not be asked for. */
async function view(volume: Volume, driver: VolumeDriver | undefined): Promise<DriverView> {
  if (!driver || volume.status.handle === undefined) {
    return { hasDriver: driver !== undefined, attached: undefined, problem: undefined };
  }
  try {
    return { hasDriver: true, attached: await driver.attachedTo(volumeRef(volume)), problem: undefined };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { hasDriver: true, attached: undefined, problem: `cannot find out where it is: ${reason}` };
  }
}
