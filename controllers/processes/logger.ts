/** The log of a process: JSON lines on stderr, by pino. */
import { pino } from 'pino';
import type { LogLevel } from '../../api/cli/processes.ts';
import type { Log } from '../../api/log.ts';

const STDERR = 2;

/** Synchronous, as what a process says last before it dies matters most. */
export function createLog(level: LogLevel, fields: object = {}): Log {
  const log = pino({ level, base: { ...fields } }, pino.destination({ dest: STDERR, sync: true }));
  return adapt(log);
}

function adapt(log: import('pino').Logger): Log {
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error: (fields, message) => log.error(fields, message),
    child: (fields) => adapt(log.child(fields)),
  };
}
