/** All commands. Each is a file, loaded only when it runs: starting up is most of what a short command does. */
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';

interface CommandModule {
  /** Adds arguments, options, examples and the action. */
  define(command: Command, cli: Cli): void;
}

interface CommandEntry {
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
  readonly hidden?: true;
}

export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  up: { summary: 'start everything on this machine', load: () => import('./up.ts') },
  server: { summary: 'start a server: store, API, controllers', load: () => import('./server.ts') },
  agent: { summary: 'start the agent of this machine', load: () => import('./agent.ts') },
  gateway: { summary: 'start a gateway', load: () => import('./gateway.ts') },
  nodes: { summary: 'list the machines of the fleet', load: () => import('./nodes.ts') },
  status: { summary: 'the fleet on one screen, and what is not well', load: () => import('./status.ts') },
  drain: { summary: 'empty nodes without dropping a request', load: () => import('./drain.ts') },
  undrain: { summary: 'cancel the drain of nodes', load: () => import('./undrain.ts') },
  remove: { summary: 'take drained nodes out of the fleet', load: () => import('./remove.ts') },
  cordon: { summary: 'place no new work on nodes', load: () => import('./cordon.ts') },
  uncordon: { summary: 'let nodes take new work again', load: () => import('./uncordon.ts') },
  apply: { summary: 'create or update objects from files', load: () => import('./apply.ts') },
  create: { summary: 'create objects from files', load: () => import('./create.ts') },
  get: { summary: 'list objects, or print some', load: () => import('./get.ts') },
  describe: { summary: 'all about an object, with its events', load: () => import('./describe.ts') },
  edit: { summary: 'change an object in $EDITOR', load: () => import('./edit.ts') },
  scale: { summary: 'set the replicas of services', load: () => import('./scale.ts') },
  delete: { summary: 'delete objects', load: () => import('./delete.ts') },
  logs: { summary: 'print what a workload wrote', load: () => import('./logs.ts') },
  events: { summary: 'what happened lately', load: () => import('./events.ts') },
  wait: { summary: 'wait for a condition of an object', load: () => import('./wait.ts') },
  backup: { summary: 'write everything in the store to a file', load: () => import('./backup.ts') },
  restore: { summary: 'make a store of a backup', load: () => import('./restore.ts') },
  verify: { summary: 'check a whole store, or a backup', load: () => import('./verify.ts') },
  kubeconfig: { summary: 'print a kubeconfig for kubectl', load: () => import('./kubeconfig.ts') },
  explain: { summary: 'the fields of a kind', load: () => import('./explain.ts') },
  'api-resources': { summary: 'list the kinds', load: () => import('./api-resources.ts') },
  completion: { summary: 'print a completion script for a shell', load: () => import('./completion.ts') },
  version: { summary: 'print the version', load: () => import('./version.ts') },
  __complete: { summary: 'names for completion', load: () => import('./complete.ts'), hidden: true },
};
