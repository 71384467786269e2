/** What a migration does: one small write each. What is recorded is recorded before what follows from it. */
import type { Client } from '../../api/client/client.ts';
import { timestamp } from '../../api/clock.ts';
import { isApiError } from '../../api/errors.ts';
import type { AllocSpec } from '../../api/kinds/alloc.ts';
import type { Migration, MigrationStatus } from '../../api/kinds/migration.ts';
import type { CommandTable } from '../../runtime/controller/controller.ts';
import { newAlloc } from '../placement/new-alloc.ts';
import type { Command, End } from './machine.ts';
import { MIGRATION_ANNOTATION } from './roles.ts';

export const commands: CommandTable<'Migration', Command> = {
  async createReplacement({ node }, { object, reader, client, random, events }) {
    const original = reader.get('Alloc', object.spec.alloc);
    const service = reader.get('Service', object.spec.service);
    // Either is gone since it was looked at: that change brings this migration back.
    if (!original || !service) return;
    const { name } = original.metadata;
    const annotations = { [MIGRATION_ANNOTATION]: object.metadata.uid };
    const { slot } = original.spec;
    await client.create(newAlloc({ owner: service, node, slot, replaces: name, annotations, random }));
    events.normal(service, 'MigrationStarted', `alloc ${name} moves from ${object.spec.node} to ${node}`);
  },

  async recordSuspension({ healthyDeadlineMs }, { object, client, nowMs }) {
    const deadline = timestamp(nowMs + healthyDeadlineMs);
    const status = { phase: 'suspendingOriginal', unroutedAt: timestamp(nowMs), deadline } as const;
    // A conflict is thrown: the original must not be suspended unless this is on record.
    await client.patch('Migration', object.metadata.name, checked(object, status), { subresource: 'status' });
  },

  suspendOriginal: (_params, { object, client }) =>
    wantAlloc(client, object.spec.alloc, { desired: 'suspended' }),

  resumeOriginal: (_params, { object, client }) =>
    wantAlloc(client, object.spec.alloc, { desired: 'running' }),

  stopOriginal: (_params, { object, client }) =>
    wantAlloc(client, object.spec.alloc, { desired: 'stopped', stopReason: 'Migrated' }),

  stopReplacement: ({ alloc, stopReason }, { client }) =>
    wantAlloc(client, alloc, { desired: 'stopped', stopReason }),

  async wantVolumes({ volumes, node }, { client }) {
    await Promise.all(
      volumes.map((name) => ignoringAbsence(client.patch('Volume', name, { spec: { node } }))),
    );
  },

  async recordLoss({ alloc }, { object, client, reader, events }) {
    const lost = [...(object.status.lost ?? []), alloc];
    // What comes next has a node and a deadline of its own.
    const next = { replacement: null, target: null, healthy: null, deadline: null };
    const isRecorded = await record(client, object, { lost, ...next });
    const service = reader.get('Service', object.spec.service);
    if (!isRecorded || !service) return;
    const text = `replacement ${alloc} of ${object.spec.alloc} was lost: another one is tried`;
    events.warning(service, 'ReplacementLost', text);
  },

  async recordTurnBack({ failure }, { object, client, nowMs }) {
    await record(client, object, { turnedBackAt: timestamp(nowMs), ...(failure ? { failure } : {}) });
  },

  async announceEnd({ end }, context) {
    const { object, reader, events } = context;
    const service = reader.get('Service', object.spec.service);
    const node = reader.get('Node', object.spec.node);
    const text = describeEnd(end, object);
    if (end !== 'failed') {
      if (service) events.normal(service, END_EVENTS[end], text);
      return;
    }
    if (service) events.warning(service, END_EVENTS.failed, text);
    if (node) events.warning(node, END_EVENTS.failed, `service ${object.spec.service}: ${text}`);
  },
};

const END_EVENTS: Readonly<Record<End, string>> = {
  done: 'MigrationCompleted',
  failed: 'MigrationFailed',
  cancelled: 'MigrationCancelled',
};

function describeEnd(end: End, { spec, status }: Migration): string {
  const { alloc, node } = spec;
  if (end === 'cancelled') return `alloc ${alloc} stays on ${node}: its move was cancelled`;
  if (end === 'failed') {
    const { reason = 'Failed', message = 'no reason was recorded' } = status.failure ?? {};
    return `alloc ${alloc} could not be moved off ${node}: ${reason}: ${message}`;
  }
  return status.replacement
    ? `alloc ${alloc} left ${node}; ${status.replacement} on ${status.target} took over`
    : `alloc ${alloc} left ${node} by itself`;
}

/** `null` takes away what was there. */
type StatusPatch = { readonly [Field in keyof MigrationStatus]?: MigrationStatus[Field] | null };

/** @returns false where it changed since it was looked at: it is looked at again for that */
async function record(client: Client, object: Migration, status: StatusPatch): Promise<boolean> {
  try {
    await client.patch('Migration', object.metadata.name, checked(object, status), { subresource: 'status' });
    return true;
  } catch (error) {
    if (!isApiError(error, 'Conflict') && !isApiError(error, 'NotFound')) throw error;
    return false;
  }
}

/** A patch of the status that lands only on the very object that was judged. */
const checked = (object: Migration, status: StatusPatch) => ({
  metadata: { resourceVersion: object.metadata.resourceVersion },
  status,
});

const wantAlloc = (client: Client, name: string, spec: Partial<AllocSpec>): Promise<void> =>
  ignoringAbsence(client.patch('Alloc', name, { spec }));

/** What is gone needs no telling, and its going brings the migration back. */
async function ignoringAbsence(write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
  }
}
