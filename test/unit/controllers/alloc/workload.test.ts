/** What a workload is told by its environment, and how its health is found out. */
import { expect } from 'chai';
import { inheritedEnvironment, workloadEnvironment } from '../../../../controllers/alloc/environment.ts';
import { probeSettings } from '../../../../controllers/alloc/health.ts';
import { alloc, ownerOf, task } from '../../../vocabulary/objects.ts';

const ports = [
  { name: 'http', port: 21_001 },
  { name: 'admin-api', port: 21_002 },
];
const probed = { host: '127.0.0.1', ports, env: { PORT: '21001' }, pid: 42 };

describe('the environment of a workload', () => {
  it('names its ports, its alloc, node, service and volumes', () => {
    const volumes = [{ name: 'my-data', path: 'data', source: '/mnt/data' }];
    expect(workloadEnvironment(alloc('web-0'), { PATH: '/bin' }, ports, volumes)).to.deep.equal({
      PATH: '/bin',
      MILL_ALLOC: 'web-0',
      MILL_NODE: 'node-1',
      MILL_SERVICE: 'web',
      PORT: '21001',
      PORT_HTTP: '21001',
      PORT_ADMIN_API: '21002',
      MILL_VOLUME_MY_DATA: '/mnt/data',
    });
  });

  it('names the task of a task, and lets the template have the last word', () => {
    const job = alloc('job-0', { owner: ownerOf(task('job')), template: { env: { PATH: '/opt', A: 'b' } } });
    expect(workloadEnvironment(job, { PATH: '/bin' }, [], [])).to.deep.equal({
      PATH: '/opt',
      MILL_ALLOC: 'job-0',
      MILL_NODE: 'node-1',
      MILL_TASK: 'job',
      A: 'b',
    });
  });

  it("takes over no secrets from the agent's own", () => {
    const own = { PATH: '/bin', HOME: '/root', LANG: 'C', MILL_TOKEN: 'secret', OTHER: undefined };
    expect(inheritedEnvironment(own)).to.deep.equal({ PATH: '/bin', HOME: '/root', LANG: 'C' });
  });
});

describe('the health check of a workload', () => {
  const checked = (health: object) =>
    probeSettings(alloc('web-0', { ports: ['http', 'admin-api'], template: { health } }), probed);

  it('is what the template says', () => {
    expect(
      checked({ http: { path: '/up', port: 'admin-api' }, interval: '2s', timeout: '500ms' }),
    ).to.deep.equal({
      check: { kind: 'http', host: '127.0.0.1', port: 21_002, path: '/up' },
      intervalMs: 2_000,
      timeoutMs: 500,
      healthyAfter: 1,
      unhealthyAfter: 3,
    });
    expect(checked({ tcp: { port: 5432 } })?.check).to.deep.equal({
      kind: 'tcp',
      host: '127.0.0.1',
      port: 5432,
    });
    expect(checked({ http: { path: '/' } })?.check).to.include({ port: 21_001 });
    expect(checked({ exec: { command: ['true'] } })?.check).to.deep.equal({
      kind: 'exec',
      command: ['true'],
      env: { PORT: '21001' },
      cwd: '/proc/42/cwd',
    });
  });

  it('counts a duration in probes, the first one included', () => {
    const health = { tcp: {}, interval: '500ms', healthyAfter: '2s', unhealthyAfter: 5 };
    expect(checked(health)).to.include({ healthyAfter: 5, unhealthyAfter: 5 });
  });

  it('is that it listens, or that it has run a while, where the template says nothing', () => {
    expect(probeSettings(alloc('web-0'), probed)?.check).to.deep.equal({
      kind: 'tcp',
      host: '127.0.0.1',
      port: 21_001,
    });
    expect(probeSettings(alloc('web-0'), { ...probed, ports: [] })?.check.kind).to.equal('uptime');
  });

  it('is nothing for a task that declares none', () => {
    expect(probeSettings(alloc('job-0', { owner: ownerOf(task('job')) }), probed)).to.equal(undefined);
  });
});
