/** All the small bugs that are planted, one at a time, to prove that they would be found. */
import type { Mutant } from './mutant.ts';
import { agents } from './planted/agents.ts';
import { drains } from './planted/drains.ts';
import { jetstream } from './planted/jetstream.ts';
import { migrations } from './planted/migrations.ts';
import { nodes } from './planted/nodes.ts';
import { routing } from './planted/routing.ts';
import { runtime } from './planted/runtime.ts';
import { services } from './planted/services.ts';
import { volumes } from './planted/volumes.ts';

export const MUTANTS: readonly Mutant[] = [
  ...routing,
  ...agents,
  ...volumes,
  ...nodes,
  ...services,
  ...migrations,
  ...drains,
  ...runtime,
  ...jetstream,
];
