/** Bugs in how nodes are judged alive, and in how they leave the fleet. */
import type { Mutant } from '../mutant.ts';

export const nodes: readonly Mutant[] = [
  {
    name: 'down-too-early',
    file: 'controllers/node-health/controller.ts',
    what: 'a node counts as down before its agent has fenced its writers',
    find: 'leases.expiryMs(lease) : undefined;',
    replace: 'leases.expiryMs(lease) - 6_000 : undefined;',
  },
  {
    name: 'down-after-restart',
    file: 'controllers/node-health/facts.ts',
    what: 'a server that was restarted takes every node for down, since it has no leases yet',
    find: 'return Math.max(expiryMs ?? graceUntilMs, graceUntilMs);',
    replace: 'return expiryMs ?? 0;',
  },
  {
    name: 'down-keeps-allocs',
    file: 'controllers/node-health/machine.ts',
    what: 'the allocs of a node that is down are never failed, so nobody replaces them',
    find: 'hasActiveAllocs: ({ context }) => context.activeAllocs.length > 0,',
    replace: 'hasActiveAllocs: ({ context }) => context.activeAllocs.length < 0,',
  },
  {
    name: 'down-without-timer',
    file: 'controllers/node-health/controller.ts',
    what: 'nobody looks at a node when its lease runs out',
    find: 'wakeAt: (facts) => facts.aliveUntilMs,',
    replace: 'wakeAt: () => undefined,',
  },
  {
    name: 'removed-with-active-allocs',
    file: 'api/rules/node.ts',
    what: 'a node may be removed while allocs are active on it',
    find: "const allocs = before.byIndex('Alloc', 'node', name).filter((alloc) => !isTerminal(alloc));",
    replace: "const allocs = before.byIndex('Alloc', 'node', name).filter((alloc) => !alloc);",
  },
  {
    name: 'removed-with-volume',
    file: 'api/rules/node.ts',
    what: 'a node may be removed while a volume is attached to it',
    find: '.filter((volume) => volume.status.node === name);',
    replace: ".filter((volume) => volume.status.node === '');",
  },
  {
    name: 'removed-agent-writes-on',
    file: 'api/rules/node.ts',
    what: 'an agent may write although its credential is revoked',
    find: 'if (credential?.spec.revoked && credential.spec.nodeUid === actor.nodeUid)',
    replace: 'if (false)',
  },
  {
    name: 'removal-keeps-credential',
    file: 'controllers/removal/machine.ts',
    what: 'the credential of a node that is removed is not revoked',
    find: 'isCredentialValid: ({ context }) => context.isCredentialValid,',
    replace: 'isCredentialValid: () => false,',
  },
  {
    name: 'removal-peer-unacknowledged',
    file: 'controllers/removal/machine.ts',
    what: 'a peer is deleted before every live mesh has dropped it',
    find: "{ guard: not('isPeerKnown'), target: 'deletingPeer' },",
    replace: "{ target: 'deletingPeer' },",
  },
  {
    name: 'removal-keeps-allocs',
    file: 'controllers/removal/machine.ts',
    what: 'the allocs and migrations of a removed node are left behind',
    find: 'context.allocs.length + context.activeAllocs + context.migrations.length > 0',
    replace: 'context.activeAllocs > 0',
  },
  {
    name: 'mesh-acknowledged-unapplied',
    file: 'controllers/mesh/commands.ts',
    what: 'an agent says that its mesh follows the peers before it does',
    find: `await mesh.apply(configuration);
      onApplied(revision);`,
    replace: `onApplied(revision);
      await mesh.apply(configuration);`,
  },
  {
    name: 'mesh-keeps-withdrawn',
    file: 'controllers/mesh/facts.ts',
    what: 'a mesh keeps a peer that was withdrawn, and acknowledges all the same',
    find: '!peer.withdrawn && peer.allowedIPs.length > 0',
    replace: 'peer.allowedIPs.length > 0',
  },
];
