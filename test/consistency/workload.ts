/** What one writer does: it counts, reads, places allocs, drains and removes machines, one attempt after the other. */
import type { AnyObject } from '../../api/kinds/index.ts';
import type { Actor, Decision, Store, Write } from '../../api/store.ts';
import { lease } from '../conformance/objects.ts';
import { integer, pick, type Random } from '../simulation/randomness.ts';
import { changed, node } from '../vocabulary/objects.ts';
import type { Version } from './history.ts';
import { type Action, STRIDE } from './linearizability.ts';
import { alloc, countOf, keyOf, note, Reading, signed, versionOf } from './objects.ts';

const COUNTERS = 5;
const MACHINES = 5;
/** The event that names the server which commits for all. */
export const WRITER = 'writer';

const operator: Actor = { user: 'operator', groups: [] };

/** An attempt, before it is made. */
export interface Attempt {
  readonly what: string;
  readonly counter?: string;
  readonly action?: Action;
  run(store: Store): Promise<Done>;
}

export interface Done {
  readonly value?: number;
  readonly wrote: readonly Version[];
}

export interface Drawing {
  readonly random: Random;
  /** Of the attempt. */
  readonly id: string;
  /** A number that no other attempt has. */
  readonly unique: number;
  /** Ids of the servers; empty where none is to commit for the others. */
  readonly writers: readonly string[];
}

/** How often each is drawn, of a hundred. */
export function drawAttempt(drawing: Drawing): Attempt {
  const { random, writers } = drawing;
  const die = integer(random, 1, 100);
  if (die <= 3) return beat(drawing.id);
  if (die <= 40) return count(drawing);
  if (die <= 55) return look(drawing);
  if (die <= 60) return overwrite(drawing);
  if (die <= 63) return forget(drawing);
  if (die <= 82) return place(drawing);
  if (die <= 89) return finish(drawing);
  if (die <= 93) return drain(drawing);
  if (die <= 97) return remove(drawing);
  if (die <= 99 || writers.length === 0) return replace(drawing);
  return elect(drawing);
}

const counterOf = ({ random }: Drawing): string => `counter-${integer(random, 1, COUNTERS)}`;

export function count(drawing: Drawing): Attempt {
  const counter = counterOf(drawing);
  return {
    what: `count ${counter}`,
    counter,
    action: { type: 'increment' },
    run: (store) =>
      commit(store, drawing.id, (reading) => {
        reading.get('Event', counter);
        const value = countOf(reading.state, counter) + 1;
        return { puts: [note(counter, `${value}`)], value };
      }),
  };
}

function overwrite(drawing: Drawing): Attempt {
  const counter = counterOf(drawing);
  const value = drawing.unique * STRIDE;
  return {
    what: `write ${counter}`,
    counter,
    action: { type: 'write', value },
    run: (store) => commit(store, drawing.id, () => ({ puts: [note(counter, `${value}`)] })),
  };
}

/** Deleting what is not there is no change, and may be answered by a copy that is behind: it is refused here. */
function forget(drawing: Drawing): Attempt {
  const counter = counterOf(drawing);
  return {
    what: `delete ${counter}`,
    counter,
    action: { type: 'delete' },
    run: (store) =>
      commit(store, drawing.id, (reading) => ({ deletes: [found(reading.get('Event', counter))] })),
  };
}

function look(drawing: Drawing): Attempt {
  const counter = counterOf(drawing);
  return {
    what: `read ${counter}`,
    counter,
    action: { type: 'read' },
    async run(store) {
      await store.barrier();
      return { value: countOf(store.state, counter), wrote: [] };
    },
  };
}

/** A heartbeat: in the memory of the NATS servers, not in the log. */
export function beat(id: string): Attempt {
  return {
    what: 'beat',
    async run(store) {
      const name = id.slice(0, id.lastIndexOf('-'));
      const renew = () => ({ writes: [{ type: 'put', object: lease(name) } as const], result: undefined });
      await store.commit(operator, renew, { kind: 'Lease' });
      return { wrote: [] };
    },
  };
}

/** Wherever it likes: the rules say no where a machine takes nothing. */
function place({ random, id }: Drawing): Attempt {
  return {
    what: 'place',
    run: (store) =>
      commit(store, id, (reading) => {
        const on = found(pickOf(random, reading.state.list('Node'))).metadata.name;
        reading.get('Node', on);
        const name = `alloc-${id}`;
        reading.get('Alloc', name);
        return { puts: [alloc(name, on)] };
      }),
  };
}

function finish({ random, id }: Drawing): Attempt {
  return {
    what: 'stop',
    run: (store) =>
      commit(store, id, (reading) => {
        const on = found(pickOf(random, reading.state.list('Node')));
        const active = reading.state
          .byIndex('Alloc', 'node', on.metadata.name)
          .filter(({ status }) => status.phase !== 'stopped');
        // All of them at times: a commit of several objects.
        const chosen = random() < 0.3 ? active.slice(0, 12) : [found(pickOf(random, active))];
        const puts = chosen.map((each) => {
          reading.get('Alloc', each.metadata.name);
          return changed(each, { status: { phase: 'stopped' } });
        });
        return { puts };
      }),
  };
}

function drain({ random, id }: Drawing): Attempt {
  return {
    what: 'drain',
    run: (store) =>
      commit(store, id, (reading) => {
        const { metadata } = found(pickOf(random, reading.state.list('Node')));
        return { puts: [changed(found(reading.get('Node', metadata.name)), { spec: { drain: true } })] };
      }),
  };
}

function remove({ random, id }: Drawing): Attempt {
  return {
    what: 'remove',
    run: (store) =>
      commit(store, id, (reading) => {
        const draining = reading.state.list('Node').filter(({ spec }) => spec.drain && !spec.removed);
        const { name } = found(pickOf(random, draining)).metadata;
        reading.allocsOf(name);
        return { puts: [changed(found(reading.get('Node', name)), { spec: { removed: true } })] };
      }),
  };
}

/** Clears away a machine that was removed, and what ran there; another one, of another name, takes its place. */
function replace({ id }: Drawing): Attempt {
  return {
    what: 'replace',
    run: (store) =>
      commit(store, id, (reading) => {
        const nodes = reading.state.list('Node');
        const gone = nodes.find(({ spec }) => spec.removed);
        if (!gone && nodes.length >= MACHINES) throw new NothingToDo();
        const deletes: AnyObject[] = gone ? [...reading.allocsOf(gone.metadata.name), gone] : [];
        if (gone) reading.get('Node', gone.metadata.name);
        return { deletes, puts: [node(`node-${id}`)] };
      }),
  };
}

function elect({ random, id, writers }: Drawing): Attempt {
  return {
    what: 'elect',
    run: (store) => commit(store, id, () => ({ puts: [note(WRITER, pick(random, writers))] })),
  };
}

/** The state gives no occasion for it. */
export class NothingToDo extends Error {
  override readonly name = 'NothingToDo';
}

interface Wanted {
  readonly puts?: readonly AnyObject[];
  readonly deletes?: readonly AnyObject[];
  readonly value?: number;
}

async function commit(store: Store, id: string, want: (reading: Reading) => Wanted): Promise<Done> {
  const { objects, result, revision } = await store.commit(operator, (state): Decision<Wanted> => {
    const reading = new Reading(state);
    const wanted = want(reading);
    const { deletes = [], puts = [] } = wanted;
    const deletions = deletes.map(
      ({ kind, metadata }): Write => ({ type: 'delete', kind, name: metadata.name }),
    );
    const deleted = deletes.map(keyOf);
    const reads = reading.versions.filter(([object]) => !deleted.includes(object));
    return { writes: [...deletions, ...puts.map((each) => signed(each, id, reads))], result: wanted };
  });
  const wrote = objects.map((each): Version => [keyOf(each), versionOf(each)]);
  // The revision of a commit is that of its last write.
  const only = result.deletes?.length === 1 && wrote.length === 0 ? result.deletes[0] : undefined;
  return {
    wrote: only ? [[keyOf(only), revision]] : wrote,
    ...(result.value === undefined ? {} : { value: result.value }),
  };
}

function found<T>(object: T | undefined): T {
  if (object === undefined) throw new NothingToDo();
  return object;
}

const pickOf = <T>(random: Random, choices: readonly T[]): T | undefined =>
  choices.length === 0 ? undefined : pick(random, choices);
