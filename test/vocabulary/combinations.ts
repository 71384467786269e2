/** Every combination of what facts can be, for tests that say what must never happen. */

/** The values that each field may have; a field that may be absent lists `undefined`. */
export type Choices<T> = { readonly [P in keyof Required<T>]: readonly T[P][] };

/** All combinations, one object each. A field whose value is `undefined` is left out. */
export function combinations<T extends object>(choices: Choices<T>): T[] {
  let all: Record<string, unknown>[] = [{}];
  for (const [field, values] of Object.entries(choices) as [string, readonly unknown[]][]) {
    all = all.flatMap((each) =>
      values.map((value) => (value === undefined ? each : { ...each, [field]: value })),
    );
  }
  return all as T[];
}
