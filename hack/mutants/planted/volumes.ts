/** Bugs in how a volume gets from one node to another. */
import type { Mutant } from '../mutant.ts';

export const volumes: readonly Mutant[] = [
  {
    name: 'detach-while-mounted',
    file: 'controllers/volume/machine.ts',
    what: 'a volume is detached from a live node that has it mounted',
    find: 'isInPlace(input) || !input.context.isMounted || input.context.isHolderLost',
    replace: 'isInPlace(input) || true',
  },
  {
    name: 'detach-record-unchecked',
    file: 'controllers/volume/commands.ts',
    what: 'that a volume leaves is recorded over whatever its agent has written since it was judged',
    find: "client.updateStatus<'Volume'>({ apiVersion, kind, metadata, spec, status });",
    replace:
      "client.patch('Volume', metadata.name, { status: { phase: 'detaching', node } }, { subresource: 'status' });",
  },
  {
    name: 'detach-from-draining-by-force',
    file: 'controllers/volume/facts.ts',
    what: 'a node that drains counts as lost, and its volumes are pulled from it',
    find: "(!holder || holder.status.phase === 'down')",
    replace: "(!holder || holder.status.phase !== 'ready')",
  },
  {
    name: 'detach-not-recorded',
    file: 'controllers/volume/commands.ts',
    what: 'a volume that was detached keeps its node in its status',
    find: "await write(on, current(on), { phase: 'ready' });",
    replace: "await write(on, current(on), { ...on.object.status, phase: 'ready' });",
  },
  {
    name: 'attach-before-record',
    file: 'controllers/volume/machine.ts',
    what: 'a volume is attached to a node before that is on record',
    find: `{ type: 'recordAttaching', params: ({ context }) => ({ node: wanted(context) }) },
              { type: 'attachVolume', params: ({ context }) => ({ node: wanted(context) }) },`,
    replace: `{ type: 'attachVolume', params: ({ context }) => ({ node: wanted(context) }) },
              { type: 'recordAttaching', params: ({ context }) => ({ node: wanted(context) }) },`,
  },
  {
    name: 'volume-claims-for-nobody',
    file: 'controllers/volume/facts.ts',
    what: 'a volume is wanted nowhere although an alloc waits for it',
    find: 'return first?.spec.node ?? spec.node;',
    replace: 'return spec.node;',
  },
];
