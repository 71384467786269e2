/** The suite's vocabulary: what a watch heard, what a call threw. */
import { expect } from 'chai';
import type { Change, Store, WatchOptions } from '../../api/store.ts';

/** All changes that a watch hears, as they come. */
export function hear(store: Store, options: WatchOptions = {}): Change[] {
  const heard: Change[] = [];
  store.subscribe(options, (change) => heard.push(change));
  return heard;
}

export const names = (objects: readonly { metadata: { name: string } }[]): string[] =>
  objects.map((object) => object.metadata.name);

export const summary = ({ type, object }: Change): string =>
  `${type} ${object.metadata.name} ${object.kind === 'Event' ? object.spec.message : ''}`;

export async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail('it was not refused'),
    (error: unknown) => error,
  );
}

export function thrown(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}
