import { expect } from 'chai';
import { run } from './fake-surroundings.ts';

const linesOf = async (what: string): Promise<string[]> => {
  const { exitCode, stdout, stderr } = await run(`explain ${what}`);
  expect({ exitCode, stderr }).to.deep.equal({ exitCode: 0, stderr: '' });
  return stdout.split('\n').map((line) => line.replaceAll(/ {2,}/g, '  ').trim());
};

describe('mill explain', () => {
  it('says of each field what it means', async () => {
    expect(await linesOf('service.spec.template.health')).to.include.members([
      'FIELD  TYPE  REQUIRED  DEFAULT  WHAT IT IS',
      'http  object  healthy at a status from 200 to 399',
      'interval  duration  1s  time between two probes',
    ]);
  });

  it('says of one field what it means and what it looks like', async () => {
    const lines = await linesOf('task.spec.template.stopGrace');
    expect(lines.slice(0, 3)).to.deep.equal([
      'task.spec.template.stopGrace  duration',
      'time from SIGTERM to SIGKILL',
      'a duration such as 500ms, 30s, 5m, 1h30m',
    ]);
  });

  it('says what spec and status are', async () => {
    const lines = await linesOf('node');
    expect(lines).to.include.members([
      'spec  object  what is wanted of it',
      'status  object  how it is; mill writes it',
    ]);
  });

  it('shows long lists of values whole for their field only', async () => {
    expect((await linesOf('node.status.drain')).join('\n')).to.match(/^step {2}cordoning\|.*… {2}/m);
    expect((await linesOf('node.status.drain.step'))[0]).to.match(/\|drained\|failed$/);
  });

  it('refuses a field that is not there', async () => {
    const { exitCode, stderr } = await run('explain node.spec.nope');
    expect(exitCode).not.to.equal(0);
    expect(stderr).to.include('there is no field "nope"');
  });
});
