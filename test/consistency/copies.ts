/** Compares what all servers, and all NATS servers, hold at the end: it must be the same. */
import { Subjects } from '../../runtime/store/jetstream/subjects.ts';
import { canonical, type StoredObject, type StoredRecord } from './replicas.ts';

export interface Copies {
  readonly bucket: string;
  readonly servers: readonly { readonly name: string; readonly objects: readonly StoredObject[] }[];
  readonly replicas: ReadonlyMap<string, readonly StoredRecord[]>;
}

/** Differences that are told; more say no more. */
const MOST_TOLD = 5;

/** @returns what differs, in a sentence each */
export function compareCopies({ bucket, servers, replicas }: Copies): readonly string[] {
  const [first, ...others] = servers;
  if (!first) return ['there is no copy'];
  const subjects = new Subjects(bucket);
  const wanted = textsOf(first.objects);
  const differences = others.flatMap(({ name, objects }) =>
    differing(wanted, textsOf(objects), `${first.name} and ${name}`),
  );
  const [leading, ...following] = [...replicas];
  for (const [name, records] of replicas) {
    differences.push(...differing(wanted, latest(records, subjects), `${first.name} and ${name}`));
  }
  for (const [name, records] of following) {
    const same = recordsOf(leading?.[1] ?? []);
    differences.push(...differing(same, recordsOf(records), `${leading?.[0]} and ${name}`));
  }
  return differences;
}

const textsOf = (objects: readonly StoredObject[]): ReadonlyMap<string, string> =>
  new Map(objects.map(({ object, text }) => [object, text]));

const recordsOf = (records: readonly StoredRecord[]): ReadonlyMap<string, string> =>
  new Map(records.map(({ sequence, subject, id, text }) => [`${sequence}`, `${subject} ${id} ${text}`]));

/** The objects that the last record of each subject leaves. */
function latest(records: readonly StoredRecord[], subjects: Subjects): ReadonlyMap<string, string> {
  const objects = new Map<string, string>();
  for (const { subject, sequence, isDeletion, text } of records) {
    const key = subjects.read(subject);
    if (!key) continue;
    const object = `${key.kind}/${key.name}`;
    if (isDeletion) {
      objects.delete(object);
      continue;
    }
    const { metadata, ...rest } = JSON.parse(text) as { readonly metadata: object };
    objects.set(object, canonical({ ...rest, metadata: { ...metadata, resourceVersion: `${sequence}` } }));
  }
  return objects;
}

function differing(
  one: ReadonlyMap<string, string>,
  other: ReadonlyMap<string, string>,
  who: string,
): readonly string[] {
  const keys = new Set([...one.keys(), ...other.keys()]);
  const different = [...keys].filter((key) => one.get(key) !== other.get(key));
  return different
    .slice(0, MOST_TOLD)
    .map((key) => `copies differ: ${who} have ${key} as ${one.get(key)} and as ${other.get(key)}`);
}
