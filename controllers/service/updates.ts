/** What has to happen so that a service's allocs get its present template: migrations with the reason `update`. */

import type { Alloc } from '../../api/kinds/alloc.ts';
import { isFinished, type Migration } from '../../api/kinds/migration.ts';
import type { Service } from '../../api/kinds/service.ts';
import { sameJson } from '../../api/same-json.ts';
import type { Reader } from '../../api/store.ts';

export interface Updates {
  /** Outdated allocs that never served: they are stopped, and their slots filled anew. */
  readonly superseded: readonly string[];
  /** Outdated allocs to be migrated now. */
  readonly due: readonly { readonly alloc: string; readonly node: string }[];
  /** Migrations on their way to a template that is itself outdated. */
  readonly overtaken: readonly string[];
  /** Migrations that are over and say nothing more. */
  readonly finished: readonly string[];
  /** Why the update does not go on, in words. */
  readonly failure?: string;
  /** When a migration that had no place is tried again, in ms since the epoch. */
  readonly retryAtMs?: number;
}

/** After so long an update that found no place, or lost it, looks for one again. */
const RETRY_MS = 30_000;

/** @param wanted allocs of slots that the service wants, not over */
export function updatesOf(
  service: Service,
  wanted: readonly Alloc[],
  reader: Reader,
  nowMs: number,
): Updates {
  const migrations = reader.byIndex('Migration', 'service', service.metadata.name);
  const outdated = wanted.filter((alloc) => alloc.spec.desired === 'running' && isOutdated(alloc, service));
  if (outdated.length === 0 && migrations.length === 0) return NOTHING;

  const outdatedNames = new Set(outdated.map((alloc) => alloc.metadata.name));
  const verdicts = migrations
    .filter((migration) => migration.spec.reason === 'update')
    .map((migration) => ({ migration, verdict: judge(migration, service, outdatedNames, nowMs) }));
  const named = (verdict: Verdict) =>
    verdicts.filter((each) => each.verdict === verdict).map(({ migration }) => migration.metadata.name);
  // One that failed stops the update: the other replicas would fare no better.
  const failed = verdicts.find(({ verdict }) => verdict === 'failed' || verdict === 'waiting')?.migration;
  const retries = verdicts
    .filter(({ verdict }) => verdict === 'waiting')
    .map((each) => retryTimeMs(each.migration));

  const moving = movingAllocs(migrations);
  const free = outdated.filter(
    (alloc) => !moving.has(alloc.metadata.name) && !moving.has(alloc.spec.replaces ?? ''),
  );
  const budget = service.spec.migration.maxParallel - migrations.filter((each) => !isFinished(each)).length;
  return {
    superseded: free.filter(neverServed).map((alloc) => alloc.metadata.name),
    due: failed
      ? []
      : free
          .filter((alloc) => !neverServed(alloc) && !reader.get('Migration', alloc.metadata.name))
          .filter((alloc) => !isLeft(alloc, reader))
          .sort((a, b) => a.spec.slot - b.spec.slot)
          .slice(0, Math.max(0, budget))
          .map((alloc) => ({ alloc: alloc.metadata.name, node: alloc.spec.node })),
    overtaken: verdicts
      .filter(({ migration }) => isOvertaken(migration, service, reader))
      .map(({ migration }) => migration.metadata.name),
    finished: named('over'),
    ...(failed ? { failure: failureOf(failed) } : {}),
    ...(retries.length ? { retryAtMs: Math.min(...retries) } : {}),
  };
}

/** `over`: to be deleted; `failed`: kept, it stops the update; `waiting`: kept until it is tried again. */
type Verdict = 'underWay' | 'over' | 'failed' | 'waiting';

function judge(
  migration: Migration,
  service: Service,
  outdated: ReadonlySet<string>,
  nowMs: number,
): Verdict {
  if (!isFinished(migration)) return 'underWay';
  const isOfThisUpdate =
    migration.status.phase === 'failed' &&
    migration.spec.attempt === service.metadata.generation &&
    outdated.has(migration.spec.alloc);
  if (!isOfThisUpdate) return 'over';
  if (!isPassing(migration)) return 'failed';
  return nowMs < retryTimeMs(migration) ? 'waiting' : 'over';
}

/** The fleet had no room, or lost a node: nothing that another template would mend. */
const isPassing = ({ status }: Migration): boolean =>
  status.failure?.reason === 'NoPlace' || status.failure?.reason === 'TargetLost';

const retryTimeMs = ({ status, metadata }: Migration): number =>
  Date.parse(status.finishedAt ?? metadata.creationTimestamp) + RETRY_MS;

const failureOf = (migration: Migration): string =>
  `alloc ${migration.spec.alloc} could not be updated: ${migration.status.failure?.message ?? 'its migration failed'}`;

/** Names of the allocs that a migration under way, for whatever reason, takes care of. */
const movingAllocs = (migrations: readonly Migration[]): ReadonlySet<string> =>
  new Set(migrations.filter((each) => !isFinished(each)).map((each) => each.spec.alloc));

/** A newer template came while a replacement with an older one was not healthy yet: it need not be waited for. */
function isOvertaken(migration: Migration, service: Service, reader: Reader): boolean {
  if (isFinished(migration) || migration.spec.cancelled || migration.status.failure) return false;
  if (migration.spec.attempt === service.metadata.generation) return false;
  const replacement = migration.status.replacement && reader.get('Alloc', migration.status.replacement);
  return Boolean(replacement && replacement.status.phase !== 'healthy' && isOutdated(replacement, service));
}

/** Its node is being emptied: the drain moves it, to the present template; two movers would undo each other's work. */
const isLeft = (alloc: Alloc, reader: Reader): boolean =>
  reader.get('Node', alloc.spec.node)?.spec.drain === true;

/** It was never routed, so nobody misses it. */
const neverServed = ({ status }: Alloc): boolean =>
  status.route === undefined &&
  status.healthyAt === undefined &&
  (status.phase === 'pending' || status.phase === 'starting' || status.phase === 'running');

/** Templates that were found equal, by identity: what is stored does not change, and comparing costs. */
const knownEqual = new WeakMap<object, object>();

function isOutdated(alloc: Alloc, service: Service): boolean {
  const { template, ports } = service.spec;
  const hasPorts =
    ports.length === alloc.spec.ports.length &&
    ports.every((port, index) => port.name === alloc.spec.ports[index]);
  if (!hasPorts) return true;
  if (knownEqual.get(alloc.spec.template) === template) return false;
  if (!sameJson(alloc.spec.template, template)) return true;
  knownEqual.set(alloc.spec.template, template);
  return false;
}

const NOTHING: Updates = { superseded: [], due: [], overtaken: [], finished: [] };
