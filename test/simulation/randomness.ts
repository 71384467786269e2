/** All that is left to chance, from one seed: a stream of numbers for each purpose, so that they do not disturb each other. */
import { seededRandom } from '../vocabulary/world.ts';

/** 0 ≤ n < 1. */
export type Random = () => number;

export class Randomness {
  readonly #seed: number;
  #identities = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** The same numbers for the same seed and purpose. */
  stream(purpose: string): Random {
    return seededRandom(hash(`${this.#seed}/${purpose}`));
  }

  /** What the API service names objects and makes secrets with. */
  readonly identities = {
    uid: () => this.#identity('uid'),
    token: () => this.#identity('token'),
  };

  #identity(what: string): string {
    this.#identities += 1;
    return `${what}-${this.#seed}-${this.#identities}`;
  }
}

export const between = (random: Random, low: number, high: number): number => low + random() * (high - low);

/** A whole number, both ends included. */
export const integer = (random: Random, low: number, high: number): number =>
  low + Math.floor(random() * (high - low + 1));

export function pick<T>(random: Random, choices: readonly T[]): T {
  const choice = choices[Math.floor(random() * choices.length)];
  if (choice === undefined) throw new RangeError('nothing to pick from');
  return choice;
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return value >>> 0;
}
