/** Conditions (Kubernetes API conventions): one entry a type, and the time at which its status last changed. */
import type { Condition } from './meta.ts';

/** The list with `next` in it; its transition time stays where its status stays. */
export function withCondition<C extends Condition>(
  conditions: readonly C[],
  next: Omit<C, 'lastTransitionTime'>,
  now: string,
): C[] {
  const previous = conditions.find((condition) => condition.type === next.type);
  const lastTransitionTime = previous?.status === next.status ? previous.lastTransitionTime : now;
  const condition = { ...next, lastTransitionTime } as C;
  return previous
    ? conditions.map((each) => (each.type === next.type ? condition : each))
    : [...conditions, condition];
}

/** True where the condition is there and `True`. */
export const isTrue = (conditions: readonly Condition[], type: string): boolean =>
  conditions.some((condition) => condition.type === type && condition.status === 'True');
