/** `--data` and `--nats`: which store a command is about, where it does not ask a server. */
import type { Command } from 'commander';
import { commaSeparated } from './arguments.ts';
import { UsageError } from './exit.ts';
import type { StorePlace } from './stores.ts';

export interface PlaceFlags {
  readonly data?: string;
  readonly nats?: readonly string[];
}

export const addPlaceOptions = (command: Command): Command =>
  command
    .option('--data <dir>', 'data directory of a server that does not run')
    .option('--nats <urls>', 'NATS cluster that keeps the state: URL,URL,…', commaSeparated);

/** @returns undefined where neither is given @throws UsageError where both are */
export function placeOf({ data, nats }: PlaceFlags): StorePlace | undefined {
  if (data !== undefined && nats !== undefined) throw new UsageError('give --data or --nats, not both');
  if (nats?.length === 0) throw new UsageError('--nats needs a URL');
  if (data !== undefined) return { data };
  return nats === undefined ? undefined : { nats };
}
