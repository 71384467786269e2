/** `--data` and `--nats`: which store a command is about, where it does not ask a server. */
import type { Command } from 'commander';
import { UsageError } from './exit.ts';
import { addNatsOptions, type NatsFlags, natsPart } from './nats-options.ts';
import type { StorePlace } from './stores.ts';
import type { Environment } from './surroundings.ts';

export interface PlaceFlags extends NatsFlags {
  readonly data?: string;
}

export const addPlaceOptions = (command: Command): Command =>
  addNatsOptions(
    command.option('--data <dir>', 'the store in the data directory of a server that does not run'),
  );

/** @returns undefined where none is given @throws UsageError where two are, or one is wrong */
export function placeOf({ data, ...nats }: PlaceFlags, env: Environment): StorePlace | undefined {
  const { nats: target } = natsPart(nats, data === undefined ? env : {});
  if (data !== undefined && target) throw new UsageError('give --data or --nats, not both');
  if (data !== undefined) return { data };
  return target && { nats: target };
}
