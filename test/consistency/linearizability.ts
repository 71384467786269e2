/**
 * Is there an order of a counter's operations, each between its call and its answer, in which every answer is the right
 * one? Wing and Gong's search, with Lowe's memory of what was tried ("Testing for linearizability", 2017). A counter is
 * judged alone: a history is linearizable where that of each object is.
 */

export type Action =
  | { readonly type: 'read' }
  | { readonly type: 'increment' }
  /** Values are far apart, so that whoever reads one, or counts on from it, tells which it was. */
  | { readonly type: 'write'; readonly value: number }
  | { readonly type: 'delete' };

export interface Operation {
  /** For who reads about it. */
  readonly id: string;
  readonly action: Action;
  readonly invokedMs: number;
  /** Absent: nobody was told what became of it. It took place at any time after its call, or never. */
  readonly returnedMs?: number;
  /** What a read saw, or an increment left; of one that has returned. */
  readonly value?: number;
}

/** What a counter that is not there counts as. */
export const ABSENT = 0;
/** Between two values that are written: more than anybody counts. */
export const STRIDE = 1_000_000;
/** Configurations that are tried before the search is given up: some hundred megabytes of memory. */
const MAX_CONFIGURATIONS = 2_000_000;

type Returned = Operation & { readonly returnedMs: number };

/** How far the search has come. */
interface Configuration {
  readonly value: number;
  /** The operations before this one have all taken place. */
  readonly low: number;
  /** Those after it that have as well, in ascending order. */
  readonly ahead: readonly number[];
  /** How many of each group of unknown outcome have. */
  readonly used: readonly number[];
}

/** @returns why there is no such order; undefined where there is one */
export function whyNotLinearizable(operations: readonly Operation[]): string | undefined {
  const search = new Search(operations);
  return search.run();
}

class Search {
  readonly #returned: readonly Returned[];
  /** Unknown ones of the same effect, in the order of their calls: of those only the first needs to be tried. */
  readonly #groups: readonly (readonly Operation[])[];
  readonly #tried = new Set<string>();
  #furthest: Configuration = { value: ABSENT, low: 0, ahead: [], used: [] };

  constructor(operations: readonly Operation[]) {
    const inOrder = [...operations].sort((a, b) => a.invokedMs - b.invokedMs);
    this.#returned = inOrder.filter(hasReturned);
    this.#groups = groupsOf(
      inOrder.filter((operation) => !hasReturned(operation)),
      this.#returned,
    );
  }

  run(): string | undefined {
    const start = { value: ABSENT, low: 0, ahead: [], used: this.#groups.map(() => 0) };
    const open: Configuration[] = [start];
    for (let at = open.pop(); at; at = open.pop()) {
      if (at.low === this.#returned.length) return undefined;
      const key = `${at.low}|${at.ahead}|${at.used}|${at.value}`;
      if (this.#tried.has(key)) continue;
      if (this.#tried.size >= MAX_CONFIGURATIONS)
        return `not decided in ${MAX_CONFIGURATIONS} configurations`;
      this.#tried.add(key);
      if (at.low > this.#furthest.low) this.#furthest = at;
      // The last one is tried first: what has returned, and of those what returned first.
      open.push(...this.#unknownNext(at), ...this.#returnedNext(at));
    }
    return this.#explain();
  }

  /** What may come next, by time: whatever was called before anything that is left has returned. */
  #returnedNext(at: Configuration): Configuration[] {
    const lastMs = this.#firstReturnMs(at);
    const next: { readonly returnedMs: number; readonly to: Configuration }[] = [];
    for (let index = at.low; index < this.#returned.length; index++) {
      const operation = this.#returned[index];
      if (!operation || operation.invokedMs > lastMs) break;
      const value = at.ahead.includes(index) ? undefined : after(operation, at.value);
      if (value === undefined) continue;
      next.push({ returnedMs: operation.returnedMs, to: { ...advance(at, index), value, used: at.used } });
    }
    return next.sort((a, b) => b.returnedMs - a.returnedMs).map(({ to }) => to);
  }

  #unknownNext(at: Configuration): Configuration[] {
    const lastMs = this.#firstReturnMs(at);
    return this.#groups.flatMap((group, index) => {
      const operation = group[at.used[index] ?? 0];
      const value = operation && operation.invokedMs <= lastMs ? after(operation, at.value) : undefined;
      if (value === undefined) return [];
      const used = at.used.map((count, each) => (each === index ? count + 1 : count));
      return [{ ...at, value, used }];
    });
  }

  #firstReturnMs({ low, ahead }: Configuration): number {
    let firstMs = Number.POSITIVE_INFINITY;
    for (let index = low; index < this.#returned.length; index++) {
      const operation = this.#returned[index];
      if (!operation || operation.invokedMs > firstMs) break;
      if (!ahead.includes(index)) firstMs = Math.min(firstMs, operation.returnedMs);
    }
    return firstMs;
  }

  #explain(): string {
    const { low, value } = this.#furthest;
    const around = this.#returned.slice(Math.max(0, low - 3), low + 6).map(told);
    return `from ${value} nothing leads on to ${around.at(Math.min(low, 3))}; around it: ${around.join(' · ')}`;
  }
}

const hasReturned = (operation: Operation): operation is Returned => operation.returnedMs !== undefined;

/** What an operation leaves; undefined where it cannot have been answered as it was. */
function after({ action, value: answer, returnedMs }: Operation, value: number): number | undefined {
  if (action.type === 'write') return action.value;
  if (action.type === 'delete') return ABSENT;
  const left = action.type === 'increment' ? value + 1 : value;
  return returnedMs === undefined || answer === left ? left : undefined;
}

function advance({ low, ahead }: Configuration, index: number): Pick<Configuration, 'low' | 'ahead'> {
  const done = [...ahead, index].sort((a, b) => a - b);
  let next = low;
  while (done[0] === next) {
    done.shift();
    next += 1;
  }
  return { low: next, ahead: done };
}

/** A write that nobody saw, nor counted on from, needs not have taken place. */
function groupsOf(
  unknown: readonly Operation[],
  returned: readonly Operation[],
): readonly (readonly Operation[])[] {
  const seen = new Set(returned.map(({ value }) => Math.floor((value ?? ABSENT) / STRIDE)));
  const groups = new Map<string, Operation[]>();
  for (const operation of unknown) {
    const { action } = operation;
    if (action.type === 'read') continue;
    if (action.type === 'write' && !seen.has(Math.floor(action.value / STRIDE))) continue;
    const effect = action.type === 'write' ? `write ${action.value}` : action.type;
    groups.set(effect, [...(groups.get(effect) ?? []), operation]);
  }
  return [...groups.values()];
}

const told = ({ id, action, value, invokedMs, returnedMs }: Operation): string =>
  `${id} ${action.type}${action.type === 'write' ? ` ${action.value}` : ''}${value === undefined ? '' : ` → ${value}`} [${invokedMs.toFixed(1)}, ${returnedMs?.toFixed(1)}]`;
