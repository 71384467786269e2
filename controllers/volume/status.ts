/** What a volume's status says where it rests; while it moves, the commands write each step before they take it. */
import type { Volume, VolumeStatus } from '../../api/kinds/volume.ts';
import { noDriverMessage } from './commands.ts';
import type { Facts } from './facts.ts';
import type { State } from './machine.ts';

export function volumeStatus(volume: Volume, facts: Facts, state: State): VolumeStatus {
  const { status, metadata } = volume;
  const { message: _, ...rest } = status;
  const observed = { ...rest, observedGeneration: metadata.generation };
  switch (state) {
    case 'withoutDriver':
      return { ...observed, phase: 'failed', message: noDriverMessage(volume) };
    case 'ready':
      return { ...observed, phase: 'ready' };
    case 'awaitingNode': {
      // An attempt that failed is over: what is waited for now is the node, and then it is tried again.
      const recorded = status.phase === 'failed' ? 'attaching' : status.phase;
      const phase = status.node === undefined ? 'ready' : recorded;
      return { ...observed, phase, ...(facts.obstacle === undefined ? {} : { message: facts.obstacle }) };
    }
    case 'attached':
      return {
        ...observed,
        phase: 'attached',
        ...(facts.keptBy === undefined ? {} : { message: facts.keptBy }),
      };
    case 'locating':
    case 'provisioning':
    case 'claiming':
    case 'unmounting':
    case 'detaching':
    case 'destroying':
    case 'attaching':
      return status;
  }
}
