/** Bugs in what an agent does on its node: starting, stopping, mounting, fencing. */
import type { Mutant } from '../mutant.ts';

export const agents: readonly Mutant[] = [
  {
    name: 'alloc-stopped-while-routed',
    file: 'controllers/alloc/machine.ts',
    what: 'a process is stopped before every gateway has stopped to send it requests',
    find: "{ guard: not('isRouted'), target: 'stopping' },",
    replace: "{ target: 'stopping' },",
  },
  {
    name: 'alloc-gone-when-told',
    file: 'controllers/alloc/machine.ts',
    what: 'an alloc is reported stopped, or suspended, as soon as its process was told to end',
    find: "always: { guard: not('isAlive'), target: 'suspended' },",
    replace:
      "always: [{ guard: not('isAlive'), target: 'suspended' }, { guard: 'isStopping', target: 'suspended' }],",
  },
  {
    name: 'alloc-started-without-volume',
    file: 'controllers/alloc/machine.ts',
    what: 'a workload is started before its volumes are mounted',
    find: "{ guard: 'hasVolumes', target: 'starting' },",
    replace: "{ target: 'starting' },",
  },
  {
    name: 'alloc-orphan-writes-on',
    file: 'controllers/alloc/supervisor.ts',
    what: 'the writer of a volume outlives its agent, and nobody can fence it',
    find: "onAgentDeath: volumes.length > 0 ? 'die' : 'survive',",
    replace: "onAgentDeath: 'survive',",
  },
  {
    name: 'alloc-adopted-before-sync',
    file: 'controllers/processes/agent.ts',
    what: 'an agent that starts judges what runs on its node before it knows what should',
    find: 'await this.#untilEnded(this.#informer.synced);',
    replace: 'void this.#untilEnded(this.#informer.synced);',
  },
  {
    name: 'fence-later-than-the-lease',
    file: 'controllers/processes/agent-times.ts',
    what: 'a node that is cut off kills its writers only after the servers have given it up',
    find: 'fenceAfterMs: 6_000,',
    replace: 'fenceAfterMs: 14_000,',
  },
  {
    name: 'fence-kills-nothing',
    file: 'controllers/alloc/supervisor.ts',
    what: 'a fenced node starts no writers any more, but lets those go on that run',
    find: "if (supervision.volumes.length > 0) supervision.stop(0, 'fenced');",
    replace: 'if (supervision.volumes.length > 0) supervision.release();',
  },
  {
    name: 'fence-mounts-not-doubted',
    file: 'controllers/mounts/table.ts',
    what: 'after contact was lost the mounts are trusted without asking whether the volumes are still attached',
    find: 'return mount?.isCertain ? mount.directory : undefined;',
    replace: 'return mount?.directory;',
  },
  {
    name: 'mount-before-record',
    file: 'controllers/mounts/machine.ts',
    what: 'a volume is mounted before it is on record that it is',
    find: "actions: ['recordMounted', 'mountVolume']",
    replace: "actions: ['mountVolume', 'recordMounted']",
  },
  {
    name: 'mount-record-unchecked',
    file: 'controllers/mounts/commands.ts',
    what: 'that a volume is mounted is recorded although the volume has begun to leave meanwhile',
    find: 'const patch = { metadata: { resourceVersion }, status: { mounted } };',
    replace: "const patch = { ...(resourceVersion === '' ? { metadata: {} } : {}), status: { mounted } };",
  },
  {
    name: 'unmount-recorded-first',
    file: 'controllers/mounts/machine.ts',
    what: 'it is on record that a volume is unmounted before it is',
    find: "actions: ['unmountVolume', 'recordUnmounted']",
    replace: "actions: ['recordUnmounted', 'unmountVolume']",
  },
  {
    name: 'unmount-not-recorded',
    file: 'controllers/mounts/machine.ts',
    what: 'a volume counts as unmounted while its status still says that it is mounted',
    find: '!context.isHeld && !context.isRecorded',
    replace: '!context.isHeld',
  },
];
