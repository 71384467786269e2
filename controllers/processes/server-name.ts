/** The name of a server among several: made at its first start, and kept, as what it leads is known by it. */
import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Machines made from one image have one host name. */
const RANDOM_BYTES = 3;
const MAX_HOST_LENGTH = 40;
/** What an unusable host name gives. */
const FALLBACK = 'server';

/**
 * @param dir folder where it is kept, which is there
 * @throws Error where the folder cannot be read or written
 */
export async function keptServerName(dir: string, hostName: string): Promise<string> {
  const path = join(dir, 'name');
  const kept = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return '';
  });
  if (kept.trim()) return kept.trim();
  const name = `${hostPart(hostName)}-${randomBytes(RANDOM_BYTES).toString('hex')}`;
  await writeFile(`${path}.new`, `${name}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
  return name;
}

/** The first label of the host name, as object names may have it. */
function hostPart(hostName: string): string {
  const [label = ''] = hostName.toLowerCase().split('.');
  return (
    label
      .replaceAll(/[^a-z0-9-]/g, '-')
      .replaceAll(/^-+|-+$/g, '')
      .slice(0, MAX_HOST_LENGTH)
      .replace(/-+$/, '') || FALLBACK
  );
}
