/** The prober under a virtual clock. */
import { expect } from 'chai';
import { type SinonFakeTimers, useFakeTimers } from 'sinon';
import { systemClock } from '../../../api/clock.ts';
import type { ProbeResult } from '../../../runtime/probe/probe.ts';
import { Prober, type ProberOptions } from '../../../runtime/probe/prober.ts';

const ok: ProbeResult = { ok: true };
const bad: ProbeResult = { ok: false, reason: 'http 503' };
const INTERVAL_MS = 1000;

describe('prober', () => {
  let timers: SinonFakeTimers;
  let changes: string[];
  let probedAt: number[];
  let answer: () => ProbeResult | Promise<ProbeResult>;
  let prober: Prober;

  const startProber = (options: Partial<ProberOptions> = {}) => {
    prober = new Prober({
      check: { kind: 'tcp', host: '127.0.0.1', port: 1 },
      intervalMs: INTERVAL_MS,
      timeoutMs: 500,
      healthyAfter: 1,
      unhealthyAfter: 3,
      clock: systemClock,
      random: () => 0.5,
      onChange: (health, reason) => changes.push(`${Date.now()} ${health}: ${reason}`),
      probe: async () => {
        probedAt.push(Date.now());
        return answer();
      },
      ...options,
    });
    prober.start();
  };

  beforeEach(() => {
    timers = useFakeTimers();
    changes = [];
    probedAt = [];
    answer = () => ok;
  });
  afterEach(() => {
    prober.stop();
    timers.restore();
  });

  it('finds a workload healthy a few milliseconds after it listens', async () => {
    answer = () => (Date.now() >= 9 ? ok : bad);
    startProber();
    await timers.tickAsync(50);
    expect(changes).to.deep.equal(['9 healthy: tcp check passed']);
    expect(probedAt).to.deep.equal([0, 2, 5, 9]);
  });

  it('asks a workload that does not come up less and less often', async () => {
    answer = () => bad;
    startProber();
    await timers.tickAsync(60_000);
    const pauses = probedAt.slice(1).map((at, index) => at - (probedAt[index] ?? 0));
    expect(pauses[0]).to.equal(2);
    expect(pauses.at(-1)).to.equal(INTERVAL_MS);
    expect(pauses).to.deep.equal([...pauses].sort((a, b) => a - b));
    expect(changes).to.deep.equal([]);
    expect(prober.lastResult).to.deep.equal(bad);
  });

  it('counts successes an interval apart', async () => {
    startProber({ healthyAfter: 3 });
    await timers.tickAsync(1999);
    expect(changes).to.deep.equal([]);
    await timers.tickAsync(1);
    expect(changes).to.deep.equal(['2000 healthy: tcp check passed']);
  });

  it('begins to count anew after a failure', async () => {
    const answers = [ok, bad, ok, ok];
    answer = () => answers.shift() ?? ok;
    startProber({ healthyAfter: 2 });
    await timers.tickAsync(1002);
    expect(changes).to.deep.equal([]);
    await timers.tickAsync(1000);
    expect(changes).to.deep.equal(['2002 healthy: tcp check passed']);
  });

  it('tells a workload that flaps from one that failed', async () => {
    const answers = [ok, bad, bad, ok, bad, bad, bad, bad, ok];
    answer = () => answers.shift() ?? ok;
    startProber();
    await timers.tickAsync(20_000);
    expect(changes).to.deep.equal([
      '0 healthy: tcp check passed',
      '6000 unhealthy: http 503',
      '8000 healthy: tcp check passed',
    ]);
  });

  it('spreads its probes by at most a tenth of the interval', async () => {
    startProber({ random: () => 0 });
    await timers.tickAsync(2000);
    expect(probedAt).to.deep.equal([0, 900, 1800]);
  });

  it('gives a probe its timeout, and never has two under way', async () => {
    let underWay = 0;
    startProber({
      intervalMs: 100,
      probe: (_check, signal) => {
        probedAt.push(Date.now());
        underWay += 1;
        expect(underWay).to.equal(1);
        return new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            underWay -= 1;
            resolve({ ok: false, reason: String(signal.reason.message) });
          });
        });
      },
    });
    await timers.tickAsync(1100);
    expect(probedAt).to.deep.equal([0, 502, 1005]);
    expect(prober.lastResult).to.deep.equal({ ok: false, reason: 'no answer within 500 ms' });
  });

  it('takes a workload without a port for healthy once it has run a while', async () => {
    startProber({ check: { kind: 'uptime', runMs: 1000 } });
    await timers.tickAsync(999);
    expect(changes).to.deep.equal([]);
    await timers.tickAsync(1);
    expect(changes).to.deep.equal(['1000 healthy: ran for 1000 ms']);
  });

  it('is silent once it is stopped, by its own callback too', async () => {
    answer = () => ok;
    startProber({
      onChange: (health) => {
        changes.push(health);
        prober.stop();
      },
    });
    await timers.tickAsync(5000);
    expect(changes).to.deep.equal(['healthy']);
    expect(probedAt).to.have.length(1);
  });
});
