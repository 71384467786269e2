/** A store in NATS, beside the servers that may have it open. Loaded only where it is asked for. */
import type { NatsTarget } from '../../../api/cli/processes.ts';
import type { Clock } from '../../../api/clock.ts';
import { silentLog } from '../../../api/log.ts';
import { JetStreamApi } from '../../../runtime/store/jetstream/api.ts';
import { connectToNats } from '../../../runtime/store/jetstream/connection.ts';
import { importBucket, refuseUnlessEmptyBucket } from '../../../runtime/store/jetstream/import.ts';
import { verifyBucket } from '../../../runtime/store/jetstream/verify.ts';
import { connectionOf } from '../nats-connection.ts';
import type { StoreAccess } from './access.ts';

/** @throws Error in one line where NATS cannot be reached */
export async function accessBucket(target: NatsTarget, clock: Clock): Promise<StoreAccess> {
  const { bucket, replicas } = target;
  const connection = await connectToNats(await connectionOf(target), 'mill');
  const api = new JetStreamApi(connection);
  const options = { connection, api, bucket, clock };
  return {
    place: `bucket ${bucket}`,
    read: () => verifyBucket(options),
    async refuseUnlessEmpty() {
      await refuseUnlessEmptyBucket(api, bucket);
    },
    async import(objects) {
      const wanted = replicas === undefined ? {} : { replicas };
      return (await importBucket({ ...options, ...wanted, log: silentLog }, objects)).revision;
    },
    close: () => connection.close(),
  };
}
