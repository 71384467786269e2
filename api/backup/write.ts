/** Writes the state of one moment as a backup, piece by piece. */
import { createHash } from 'node:crypto';
import type { AnyObject } from '../kinds/index.ts';
import type { Reader } from '../store.ts';
import { BACKUP_FORMAT, BACKUP_VERSION, type BackupEnd, type BackupHeader, backedUpKinds } from './format.ts';

/** Lines are put together up to this size: below a millisecond of work, so that others have their turn in between. */
const PIECE_CHARACTERS = 65_536;

/** The state of one revision. Costs a list a kind: the objects never change, nor do the lists. */
export interface StateImage {
  readonly revision: number;
  readonly objects: number;
  readonly lists: readonly (readonly AnyObject[])[];
}

/** In one turn, so that all objects are of one revision. */
export function captureState(reader: Reader): StateImage {
  const lists = backedUpKinds().map((kind) => reader.list(kind));
  const objects = lists.reduce((sum, list) => sum + list.length, 0);
  return { revision: reader.revision, objects, lists };
}

/** @param about.time RFC 3339 */
export function* writeBackup(
  { revision, objects, lists }: StateImage,
  about: Pick<BackupHeader, 'mill' | 'cluster' | 'time'>,
): Generator<Buffer> {
  const hash = createHash('sha256');
  const hashed = (text: string): Buffer => {
    const piece = Buffer.from(text);
    hash.update(piece);
    return piece;
  };
  const { mill, cluster, time } = about;
  const header: BackupHeader = {
    format: BACKUP_FORMAT,
    version: BACKUP_VERSION,
    mill,
    ...(cluster === undefined ? {} : { cluster }),
    revision,
    objects,
    time,
  };
  let text = `${JSON.stringify(header)}\n`;
  for (const list of lists) {
    for (const object of list) {
      text += `${JSON.stringify(object)}\n`;
      if (text.length < PIECE_CHARACTERS) continue;
      yield hashed(text);
      text = '';
    }
  }
  if (text !== '') yield hashed(text);
  const end: BackupEnd = { end: { objects, sha256: hash.digest('hex') } };
  yield Buffer.from(`${JSON.stringify(end)}\n`);
}
