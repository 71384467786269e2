import { expect } from 'chai';
import { objectName, shortName } from '../../../api/cli/arguments.ts';
import type { ServerOptions, UpOptions } from '../../../api/cli/processes.ts';
import { checkObject } from '../../../api/validation/object.ts';
import { run } from './fake-surroundings.ts';

/** What `mill server` or `mill up` is given as `nats`, or what it says. */
async function natsOf(words: string, env: Record<string, string> = {}): Promise<unknown> {
  let given: unknown = 'not started';
  const start = async (options: ServerOptions | UpOptions) => {
    given = options.nats;
    return 0;
  };
  const { exitCode, stderr } = await run(words, {
    processes: { server: start, up: start },
    env: { HOME: '/home/me', ...env },
  });
  return exitCode === 0 ? given : `${exitCode}: ${stderr.split('\n')[0]}`;
}

describe('the options about NATS', () => {
  for (const command of ['server', 'up']) {
    it(`leave the state of "mill ${command}" in the embedded store where there are none`, async () => {
      expect(await natsOf(command)).to.equal(undefined);
    });

    it(`are all taken by "mill ${command}"`, async () => {
      const words =
        '--nats nats://a:4222,tls://b,[::1]:4223 --bucket fleet-1 --replicas 3 --nats-creds c --nats-ca ca --nats-cert cert --nats-key key';
      expect(await natsOf(`${command} ${words}`)).to.deep.equal({
        servers: ['nats://a:4222', 'tls://b', '[::1]:4223'],
        bucket: 'fleet-1',
        replicas: 3,
        credentialsFile: 'c',
        tls: { caFile: 'ca', certFile: 'cert', keyFile: 'key' },
      });
    });
  }

  it('are taken from the environment, after those that are given', async () => {
    const env = {
      MILL_NATS: 'nats://a',
      MILL_NATS_BUCKET: 'other',
      MILL_NATS_REPLICAS: '5',
      MILL_NATS_USER: 'mill',
      MILL_NATS_PASSWORD_FILE: '/run/password',
      MILL_NATS_CA: '',
    };
    expect(await natsOf('server --bucket mine', env)).to.deep.equal({
      servers: ['nats://a'],
      bucket: 'mine',
      replicas: 5,
      user: 'mill',
      passwordFile: '/run/password',
    });
  });

  it('mean nothing in the environment alone', async () => {
    expect(await natsOf('server', { MILL_NATS_USER: 'mill' })).to.equal(undefined);
  });

  for (const [words, said] of [
    ['--nats a,,b', '--nats "": write URLs such as nats://10.0.0.1:4222, with commas between them'],
    ['--nats http://a', '--nats "http://a": write URLs such as'],
    ['--nats nats://a:99999', '--nats "nats://a:99999": write URLs such as'],
    [
      '--nats nats://me:secret@a',
      '--nats: leave the user out of the URL: give --nats-user and --nats-password-file, or --nats-creds',
    ],
    ['--nats a --replicas 2', '--replicas "2": 1, 3 or 5'],
    ['--nats a --bucket my_bucket', '--bucket "my_bucket": letters, digits and "-", 64 at most'],
    ['--nats a --nats-user me', '--nats-user needs --nats-password-file'],
    ['--nats a --nats-password-file f', '--nats-password-file needs --nats-user'],
    ['--nats a --nats-cert c', '--nats-cert needs --nats-key'],
    ['--nats a --nats-key c', '--nats-key needs --nats-cert'],
    [
      '--nats a --nats-user me --nats-password-file f --nats-creds c',
      'give --nats-user or --nats-creds, not both',
    ],
    ['--nats a --nats-ca=', '--nats-ca is empty'],
    ['--replicas 3', '--replicas is about NATS: give --nats as well'],
  ] as const) {
    it(`are refused, exit 2: ${words}`, async () => {
      expect(await natsOf(`server ${words}`))
        .to.match(/^2: mill: /)
        .and.include(said);
    });
  }
});

describe('names on the command line', () => {
  const verdict = (check: (text: string) => string, text: string): boolean => {
    try {
      return check(text) === text;
    } catch {
      return false;
    }
  };
  const isTakenByApi = (name: string): boolean => {
    try {
      checkObject('Node', { kind: 'Node', metadata: { name }, spec: {} }, ['metadata', 'spec']);
      return true;
    } catch {
      return false;
    }
  };

  for (const name of [
    'a',
    'node-1',
    'a.b-c.d',
    '',
    '-a',
    'a-',
    'a..b',
    'A',
    'a_b',
    'a'.repeat(253),
    'a'.repeat(254),
  ]) {
    it(`of objects are as the API takes them: "${name.slice(0, 20)}" of ${name.length}`, () => {
      expect(verdict(objectName, name)).to.equal(isTakenByApi(name));
    });
  }

  it('of servers are one word', () => {
    for (const name of ['a', 'server-1', 'a'.repeat(63)])
      expect(verdict(shortName, name), name).to.equal(true);
    for (const name of ['', 'a.b', '-a', 'a-', 'A', 'a'.repeat(64)])
      expect(verdict(shortName, name), name).to.equal(false);
  });
});
