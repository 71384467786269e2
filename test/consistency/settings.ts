/** On what the engine is tried: versions of NATS, its durability, and who commits. */
import { FAULTS, type Fault } from './nemesis.ts';
import type { Setting } from './run.ts';

/** Without durability at once, a power cut loses what was acknowledged: NATS says so. */
const BUT_POWER = FAULTS.filter((fault) => fault !== 'cut the power');
const OF_ONE: readonly Fault[] = FAULTS.filter((fault) => !fault.includes('the leader'));

const current = { release: 'current', natsServers: 3, syncAlways: false, handsOver: false } as const;

export const SETTINGS: readonly (Setting & { readonly title: string })[] = [
  { title: 'current ×3', ...current, faults: BUT_POWER },
  { title: 'current ×3, always-sync', ...current, syncAlways: true, faults: FAULTS },
  { title: 'current ×3, a writer', ...current, handsOver: true, faults: BUT_POWER },
  { title: 'stable ×3', ...current, release: 'stable', faults: BUT_POWER },
  { title: 'stable ×3, a writer', ...current, release: 'stable', handsOver: true, faults: BUT_POWER },
  { title: 'current ×1', ...current, natsServers: 1, faults: OF_ONE },
  { title: 'current ×1, a writer', ...current, natsServers: 1, handsOver: true, faults: OF_ONE },
];
