/** Printer columns that several kinds share. */
import { formatDuration } from '../duration.ts';
import type { Resource } from '../meta.ts';
import type { Column } from './kind.ts';

export const ageColumn = <O extends Resource<string, unknown, unknown>>(): Column<O> => ({
  name: 'Age',
  description: 'time since it was created',
  value: (object, _reader, nowMs) =>
    formatDuration(Math.max(0, nowMs - Date.parse(object.metadata.creationTimestamp))),
});
