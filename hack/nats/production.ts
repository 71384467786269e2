/** Three servers as `manifests/nats/` has them: its own files, with the paths, ports and names of this machine put in. */
import { execFile } from 'node:child_process';
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ServerConfiguration } from './configuration.ts';
import type { Login } from './health.ts';

const MANIFESTS = new URL('../../manifests/nats/', import.meta.url).pathname;
const run = promisify(execFile);

export interface Production {
  readonly logins: Readonly<Record<'mill' | 'reader' | 'admin', Login>>;
  /** File with the certificate of the authority that signed the servers' own. */
  readonly caFile: string;
  /** The text of a server's configuration file; the files that it names are put beside it. */
  configuration(server: ServerConfiguration, dir: string): Promise<string>;
}

/**
 * Makes certificates and passwords for servers, each in its folder below `dir`, with the script that operators use.
 * @throws Error where there is no openssl
 */
export async function prepareProduction(dir: string, names: readonly string[]): Promise<Production> {
  const servers = names.map((name) => `${name}=localhost,127.0.0.1`);
  await run('sh', [join(MANIFESTS, 'make-secrets.sh'), dir, ...servers]);
  const ca = await readFile(join(dir, 'ca.crt'), 'utf8');
  const passwords = await readFile(join(dir, 'passwords.conf'), 'utf8');
  const login = (user: string, variable: string): Login => {
    const pass = new RegExp(`^${variable}_PASSWORD: "(.+)"$`, 'm').exec(passwords)?.[1];
    if (!pass) throw new Error(`${join(dir, 'passwords.conf')} has no ${variable}_PASSWORD`);
    return { user, pass, tls: { ca } };
  };
  return {
    logins: {
      mill: login('mill', 'MILL'),
      reader: login('mill-reader', 'READER'),
      admin: login('admin', 'ADMIN'),
    },
    caFile: join(dir, 'ca.crt'),
    async configuration(server, folder) {
      await copyFile(join(MANIFESTS, 'users.conf'), join(folder, 'users.conf'));
      const text = await readFile(join(MANIFESTS, 'nats-server.conf'), 'utf8');
      return putIn(text, server, folder);
    },
  };
}

function putIn(text: string, server: ServerConfiguration, folder: string): string {
  if (!server.cluster) throw new Error('manifests/nats/ is for three servers');
  const here = new Map([
    ['$NATS_NAME', server.name],
    ['0.0.0.0:4222', `127.0.0.1:${server.clientPort}`],
    ['127.0.0.1:8222', `127.0.0.1:${server.monitorPort}`],
    ['0.0.0.0:6222', `127.0.0.1:${server.cluster.port}`],
    [`${server.name}.example.com:6222`, `127.0.0.1:${server.cluster.port}`],
    ...server.cluster.routes.map(
      ({ name, port }) => [`${name}.example.com:6222`, `127.0.0.1:${port}`] as const,
    ),
    ['/etc/nats/', `${folder}/`],
    ['/var/lib/nats', server.storeDir],
  ]);
  let result = text;
  for (const [there, value] of here) {
    if (!result.includes(there)) throw new Error(`manifests/nats/nats-server.conf has no ${there}`);
    result = result.replaceAll(there, value);
  }
  return `${result}${server.further.join('\n')}\n`;
}
