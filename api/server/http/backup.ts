/** `GET /backup`: the state of one revision as a stream (`api/backup/`), for operators. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { BACKUP_MEDIA_TYPE } from '../../backup/format.ts';
import { writeBackup } from '../../backup/write.ts';
import { type Clock, timestamp } from '../../clock.ts';
import type { ApiService } from '../service.ts';
import { drained, flag, type Handler } from './exchange.ts';

/** A client that takes nothing for so long is given up: the objects as they were are kept for it meanwhile. */
const MAX_SILENCE_MS = 30_000;

export interface BackupRouteOptions {
  readonly service: ApiService;
  readonly clock: Clock;
  /** Version of mill. */
  readonly version: string;
  /** Id of the cluster, where its store has one. */
  readonly cluster?: string | undefined;
}

export const backupHandler =
  ({ service, clock, version: mill, cluster }: BackupRouteOptions): Handler =>
  async ({ actor, query, request, response, signal }) => {
    const image = await service.capture(actor, { stale: flag(query, 'stale') });
    response.writeHead(200, { 'content-type': BACKUP_MEDIA_TYPE, 'cache-control': 'no-store' });
    if (request.method === 'HEAD') return;
    const about = { mill, time: timestamp(clock.now()), ...(cluster === undefined ? {} : { cluster }) };
    for (const piece of writeBackup(image, about)) {
      if (!response.write(piece)) {
        const cancel = clock.schedule(MAX_SILENCE_MS, () => response.destroy());
        await drained(response);
        cancel();
      }
      await nextTurn();
      // What was sent is no backup without its last line, and its reader knows.
      if (signal.aborted) return void response.destroy();
    }
    response.end();
  };
