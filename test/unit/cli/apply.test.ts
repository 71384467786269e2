import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { invalid } from '../../../api/errors.ts';
import { FakeConnection } from './fake-connection.ts';
import { run } from './fake-surroundings.ts';
import { node } from './objects.ts';

const NODE = (name: string, spec: string) =>
  `apiVersion: mill.dev/v1alpha1\nkind: Node\nmetadata: {name: ${name}}\nspec: {${spec}}\n`;

describe('mill apply', () => {
  it('creates, then changes, then leaves alone', async () => {
    const connection = new FakeConnection();
    const apply = (stdin: string) => run('apply -f -', { connection, stdin });
    expect((await apply(NODE('node-3', 'address: a'))).stdout).to.equal('node/node-3 created\n');
    expect((await apply(NODE('node-3', 'address: b'))).stdout).to.equal('node/node-3 configured\n');
    const writes = connection.writes.length;
    expect((await apply(NODE('node-3', 'address: b'))).stdout).to.equal('node/node-3 unchanged\n');
    expect(connection.writes).to.have.length(writes);
  });

  it('removes what it set before, and keeps what others set', async () => {
    const connection = new FakeConnection();
    await run('apply -f -', { connection, stdin: NODE('node-3', 'address: a, unschedulable: true') });
    await connection.patch('Node', 'node-3', { spec: { drain: true } });
    await run('apply -f -', { connection, stdin: NODE('node-3', 'address: a') });
    expect((await connection.get('Node', 'node-3')).spec).to.deep.equal({ address: 'a', drain: true });
  });

  it('sends no write where the server fills in what seems to differ', async () => {
    const connection = new FakeConnection();
    const text = NODE('node-3', 'address: a');
    await run('apply -f -', { connection, stdin: text });
    const live = await connection.get('Node', 'node-3');
    // What the dry run answers is what is there: the difference was a default.
    connection.put({ ...live, spec: { ...live.spec, address: 'filled in' } });
    const before = connection.writes.length;
    const stored = await connection.get('Node', 'node-3');
    connection.patch = async () => stored as never;
    expect((await run('apply -f -', { connection, stdin: text })).stdout).to.equal('node/node-3 unchanged\n');
    expect(connection.writes).to.have.length(before);
  });

  it('writes nothing where one of several documents is refused', async () => {
    const connection = new FakeConnection();
    connection.refuse = (object) => {
      if (object.metadata.name === 'bad') {
        throw invalid('Node', 'bad', [{ field: 'spec.address', message: 'must not be empty' }]);
      }
    };
    const stdin = `${NODE('good', 'address: a')}---\n${NODE('bad', 'address: ""')}`;
    const { exitCode, stdout, stderr } = await run('apply -f -', { connection, stdin });
    expect(exitCode).to.equal(1);
    expect(stdout).to.equal('');
    expect(stderr).to.equal(
      'mill: stdin: document 2 (node/bad): spec.address: must not be empty (line 9)\n(nothing was changed)\n',
    );
    expect(connection.writes).to.deep.equal([]);
  });

  it('asks no server where the text is broken', async () => {
    const { exitCode, stderr } = await run('apply -f -', { stdin: 'a: [' });
    expect(exitCode).to.equal(1);
    expect(stderr).to.match(/^mill: stdin: document 1: /);
  });

  it('with --dry-run says what would be, and writes nothing', async () => {
    const connection = new FakeConnection(node('node-3'));
    const stdin = `${NODE('node-3', 'address: b')}---\n${NODE('node-4', 'address: b')}`;
    const { stdout } = await run('apply -f - --dry-run', { connection, stdin });
    expect(stdout).to.equal('node/node-3 configured (dry run)\nnode/node-4 created (dry run)\n');
    expect(connection.writes).to.deep.equal([]);
    expect(connection.dryRuns).to.have.length(2);
  });

  it('says which part was written where the second write fails', async () => {
    const connection = new FakeConnection();
    connection.refuse = (object, dryRun) => {
      if (object.metadata.name === 'late' && !dryRun)
        throw invalid('Node', 'late', [{ field: '', message: 'too late' }]);
    };
    const stdin = `${NODE('early', 'address: a')}---\n${NODE('late', 'address: a')}`;
    const { exitCode, stdout, stderr } = await run('apply -f -', { connection, stdin });
    expect(exitCode).to.equal(1);
    expect(stdout).to.equal('node/early created\n');
    expect(stderr).to.equal(
      'mill: stdin: document 2 (node/late): too late\n(what is listed above was written, the rest was not)\n',
    );
  });

  it('reads a directory flat and in order', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'mill-apply-'));
    try {
      await writeFile(join(directory, 'b.yml'), NODE('b', 'address: x'));
      await writeFile(join(directory, 'a.yaml'), NODE('a', 'address: x'));
      await writeFile(join(directory, 'notes.txt'), 'not a manifest: [');
      const { stdout } = await run(['apply', '-f', directory], { connection: new FakeConnection() });
      expect(stdout).to.equal('node/a created\nnode/b created\n');
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('prints names or objects where it is asked to', async () => {
    const stdin = NODE('a', 'address: x');
    expect((await run('apply -f - -o name', { connection: new FakeConnection(), stdin })).stdout).to.equal(
      'node/a\n',
    );
    const json = await run('apply -f - -o json', { connection: new FakeConnection(), stdin });
    expect(JSON.parse(json.stdout)).to.have.nested.property('metadata.uid', 'uid-a');
  });
});
