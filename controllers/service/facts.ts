/** What the service controller judges by: the slots to fill or to empty, what has no place, and what is outdated. */
import type { NoPlaceReason } from '../../api/drain-plan.ts';
import type { Alloc } from '../../api/kinds/alloc.ts';
import { isFinished } from '../../api/kinds/migration.ts';
import type { Service } from '../../api/kinds/service.ts';
import { volumesOf } from '../../api/kinds/template.ts';
import type { Reader } from '../../api/store.ts';
import { isPlaced, type Placement, place } from '../placement/place.ts';
import { Reservations } from '../placement/reservations.ts';
import { failuresInARow, retryAtMs } from './backoff.ts';
import { isServing, type Slot, slotsOf } from './slots.ts';
import { type Updates, updatesOf } from './updates.ts';

export interface Facts {
  readonly isDeleting: boolean;
  readonly replicas: number;
  /** Slots with an alloc that serves. */
  readonly ready: number;
  /** Slots that are filled, or will be by the placements. */
  readonly filled: number;
  /** Allocs that are not over. */
  readonly active: number;
  /** Allocs of slots that are not wanted, and are not being stopped yet; the highest slot first. */
  readonly surplus: readonly string[];
  /** Empty slots that get an alloc now, and where. */
  readonly placements: readonly SlotPlacement[];
  /** Empty slots that wait because their allocs failed. */
  readonly backingOff: readonly SlotBackoff[];
  /** Empty slots for which no node has a place, and why. */
  readonly unplaced?: { readonly slots: number; readonly reasons: readonly NoPlaceReason[] };
  readonly updates: Updates;
  /** Allocs that are over, and too old to be kept. */
  readonly outlived: readonly string[];
}

export interface SlotPlacement {
  readonly slot: number;
  readonly node: string;
  /** How many allocs of the slot failed in a row before. */
  readonly failures: number;
}

export interface SlotBackoff {
  readonly slot: number;
  readonly failures: number;
  readonly alloc: string;
  readonly message: string;
  /** In ms since the epoch. */
  readonly untilMs: number;
}

/** Allocs created by one pass; the next one comes with their changes. Placing them holds up the other controllers. */
const MAX_PLACEMENTS = 32;
/** Allocs of a slot that are kept after their end, for people who ask what happened. */
const KEPT_ENDED = 5;
/** After so many failures in a row another node is tried, if there is one. */
const FAILURES_BEFORE_OTHER_NODE = 2;

export function factsOf(service: Service, reader: Reader, nowMs: number): Facts {
  const { metadata, spec } = service;
  const allocs = reader.byIndex('Alloc', 'owner', metadata.uid);
  const slots = slotsOf(allocs);
  const isDeleting = metadata.deletionTimestamp !== undefined;
  const replicas = isDeleting ? 0 : spec.replicas;
  const all = [...slots.values()];
  const wanted = all.filter((slot) => slot.slot < replicas);
  const surplus = all.filter((slot) => slot.slot >= replicas).reverse();
  const vacancies = vacanciesOf(service, replicas, slots, reader, nowMs);
  const activeWanted = wanted.flatMap((slot) => slot.active);
  return {
    isDeleting,
    replicas,
    ready: wanted.filter((slot) => slot.active.some(isServing)).length,
    filled: wanted.filter((slot) => slot.active.length > 0).length + vacancies.placements.length,
    active: all.reduce((sum, slot) => sum + slot.active.length, 0),
    surplus: surplus.flatMap((slot) =>
      slot.active.filter((alloc) => alloc.spec.desired !== 'stopped').map(nameOf),
    ),
    ...vacancies,
    updates: updatesOf(service, activeWanted, reader, nowMs),
    outlived: all
      .flatMap((slot) => slot.ended.slice(KEPT_ENDED).map(nameOf))
      .filter((name) => !isNeeded(name, reader)),
  };
}

type Vacancies = Pick<Facts, 'placements' | 'backingOff' | 'unplaced'>;

/** Places the empty slots on paper, one after the other, so that they are spread and fit together. */
function vacanciesOf(
  service: Service,
  replicas: number,
  slots: ReadonlyMap<number, Slot>,
  reader: Reader,
  nowMs: number,
): Vacancies {
  const placements: SlotPlacement[] = [];
  const backingOff: SlotBackoff[] = [];
  const reserved = new Reservations();
  let reasons: readonly NoPlaceReason[] | undefined;
  let unplaced = 0;
  for (let slot = 0; slot < replicas && placements.length < MAX_PLACEMENTS; slot++) {
    const entry = slots.get(slot);
    if (entry?.active.length) continue;
    const latest = entry?.ended[0];
    const failures = failuresInARow(latest);
    const untilMs = latest ? retryAtMs(latest, failures, nowMs) : nowMs;
    if (latest && untilMs > nowMs) {
      const message = latest.status.message ?? latest.status.reason ?? 'it failed';
      backingOff.push({ slot, failures, alloc: nameOf(latest), message, untilMs });
      continue;
    }
    // All slots ask for the same: where one had no place the next has none either.
    const found = reasons ? { reasons } : placeSlot(service, latest, failures, reader, reserved);
    if (isPlaced(found)) {
      placements.push({ slot, node: found.node, failures });
      reserved.add(found.node, service.metadata.uid, service.spec.template);
    } else {
      reasons = found.reasons;
      unplaced += 1;
    }
  }
  return { placements, backingOff, ...(reasons ? { unplaced: { slots: unplaced, reasons } } : {}) };
}

function placeSlot(
  service: Service,
  latest: Alloc | undefined,
  failures: number,
  reader: Reader,
  reserved: Reservations,
): Placement {
  const { template, placement } = service.spec;
  const request = { ownerUid: service.metadata.uid, template, placement };
  // The node may be what it fails of. Its volumes hold it where they are.
  if (latest && failures >= FAILURES_BEFORE_OTHER_NODE && volumesOf(template).length === 0) {
    const elsewhere = place({ ...request, exclude: new Set([latest.spec.node]) }, reader, reserved);
    if (isPlaced(elsewhere)) return elsewhere;
  }
  return place(request, reader, reserved);
}

/** An alloc that a migration under way still looks at. */
function isNeeded(alloc: string, reader: Reader): boolean {
  const own = reader.get('Migration', alloc);
  const migrations = [...(own ? [own] : []), ...reader.byIndex('Migration', 'replacement', alloc)];
  return migrations.some((migration) => !isFinished(migration));
}

const nameOf = (alloc: Alloc): string => alloc.metadata.name;
