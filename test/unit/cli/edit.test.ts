import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { invalid } from '../../../api/errors.ts';
import { FakeConnection } from './fake-connection.ts';
import { run } from './fake-surroundings.ts';
import { node } from './objects.ts';

describe('mill edit', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mill-edit-test-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  /** Runs `mill edit` with a script in place of the editor. */
  async function edit(connection: FakeConnection, script: string) {
    const editor = join(directory, 'editor');
    await writeFile(editor, `#!/bin/sh\n${script}\n`);
    await chmod(editor, 0o755);
    return run('edit node node-3', { connection, env: { EDITOR: editor } });
  }

  it('sends what was changed and nothing else', async () => {
    const connection = new FakeConnection(node('node-3'));
    const { exitCode, stdout } = await edit(connection, `sed -i 's/address: .*/address: 10.0.0.3/' "$1"`);
    expect([exitCode, stdout]).to.deep.equal([0, 'node/node-3 edited\n']);
    expect(connection.writes).to.deep.equal(['patch Node/node-3 {"spec":{"address":"10.0.0.3"}}']);
  });

  it('shows neither status nor what the server sets', async () => {
    const connection = new FakeConnection(node('node-3'));
    await edit(connection, `cp "$1" ${directory}/seen`);
    expect(await readFile(join(directory, 'seen'), 'utf8')).to.not.match(
      /status|uid|resourceVersion|generation/,
    );
  });

  it('says so where nothing was changed', async () => {
    const connection = new FakeConnection(node('node-3'));
    expect((await edit(connection, 'true')).stdout).to.equal('node/node-3 not changed\n');
    expect(connection.writes).to.deep.equal([]);
  });

  it('comes back with the reason where the change is refused', async () => {
    const connection = new FakeConnection(node('node-3'));
    connection.refuse = () => {
      connection.refuse = () => {};
      throw invalid('Node', 'node-3', [{ field: 'spec.address', message: 'is not one' }]);
    };
    // Another address each time it is called.
    const script = `cat "$1" >> ${directory}/seen
sed -i "s/address: .*/address: host$(wc -l < ${directory}/seen)/" "$1"`;
    const { exitCode } = await edit(connection, script);
    expect(exitCode).to.equal(0);
    expect(await readFile(join(directory, 'seen'), 'utf8')).to.include(
      '# mill: node "node-3": spec.address: is not one',
    );
    expect(connection.writes).to.have.length(1);
  });

  it('fails where the editor fails, and changes nothing', async () => {
    const connection = new FakeConnection(node('node-3'));
    const { exitCode, stderr } = await edit(connection, 'exit 3');
    expect(exitCode).to.equal(1);
    expect(stderr).to.match(/mill: the editor ".*" ended with exit code 3\n$/);
    expect(connection.writes).to.deep.equal([]);
    const kept = /kept in (.*)\n/.exec(stderr)?.[1] ?? '';
    await rm(join(kept, '..'), { recursive: true });
  });
});
