/** Servers as `manifests/nats/` has them: its own files, with the paths, ports and names of this machine put in. */
import { execFile } from 'node:child_process';
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ServerConfiguration } from './configuration.ts';
import type { Login } from './health.ts';

const MANIFESTS = new URL('../../manifests/nats/', import.meta.url).pathname;
/** The servers of the file; here there may be more. */
const ROUTES = [1, 2, 3].map((number) => `    tls://nats-${number}.example.com:6222\n`).join('');
const run = promisify(execFile);

export interface Production {
  readonly logins: Readonly<Record<'mill' | 'reader' | 'admin', Login>>;
  /** File with the certificate of the authority that signed the servers' own. */
  readonly caFile: string;
  /** What `mill server` is told beside `--nats`. */
  readonly millOptions: readonly string[];
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
  const caFile = join(dir, 'ca.crt');
  const ca = await readFile(caFile, 'utf8');
  const login = async (user: string): Promise<Login> => {
    const pass = (await readFile(join(dir, `${user}.password`), 'utf8')).trim();
    return { user, pass, tls: { ca } };
  };
  return {
    logins: {
      mill: await login('mill'),
      reader: await login('mill-reader'),
      admin: await login('admin'),
    },
    caFile,
    millOptions: [
      ...['--nats-user', 'mill', '--nats-password-file', join(dir, 'mill.password')],
      ...['--nats-ca', caFile],
    ],
    async configuration(server, folder) {
      await copyFile(join(MANIFESTS, 'users.conf'), join(folder, 'users.conf'));
      const text = await readFile(join(MANIFESTS, 'nats-server.conf'), 'utf8');
      return putIn(text, server, folder);
    },
  };
}

function putIn(text: string, server: ServerConfiguration, folder: string): string {
  if (!server.cluster) throw new Error('manifests/nats/ is for a cluster');
  const routes = server.cluster.routes.map(({ port }) => `    tls://127.0.0.1:${port}\n`);
  const here = new Map([
    ['$NATS_NAME', server.name],
    ['0.0.0.0:4222', `127.0.0.1:${server.clientPort}`],
    ['127.0.0.1:8222', `127.0.0.1:${server.monitorPort}`],
    ['0.0.0.0:6222', `127.0.0.1:${server.cluster.port}`],
    [ROUTES, routes.join('')],
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
