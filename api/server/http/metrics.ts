/** `/metrics` for Prometheus. The registry is loaded with the first scrape and reads the numbers at each. */
import { KIND_NAMES } from '../../kinds/index.ts';
import type { ApiService } from '../service.ts';
import type { RequestStatistics } from './statistics.ts';

/** A number that another part of mill wants to show. */
export interface MetricSource {
  /** With the unit last, e.g. `mill_queue_depth`. */
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  collect(): Iterable<{ readonly labels?: Readonly<Record<string, string>>; readonly value: number }>;
}

export interface MetricsText {
  readonly text: string;
  readonly contentType: string;
}

/** @returns what answers a scrape */
export function metricsOf(
  service: ApiService,
  requests: RequestStatistics,
  sources: readonly MetricSource[],
): () => Promise<MetricsText> {
  const all = [...ownSources(service, requests), ...sources];
  return async () => {
    const { Counter, Gauge, Registry } = await import('./prometheus.ts');
    // A registry a scrape: every number is read where it is kept, none is kept twice.
    const registry = new Registry();
    for (const source of all) {
      const samples = [...source.collect()];
      const labelNames = [...new Set(samples.flatMap((sample) => Object.keys(sample.labels ?? {})))];
      const configuration = { name: source.name, help: source.help, labelNames, registers: [registry] };
      if (source.type === 'counter') {
        const counter = new Counter(configuration);
        for (const { labels = {}, value } of samples) counter.inc(labels, value);
      } else {
        const gauge = new Gauge(configuration);
        for (const { labels = {}, value } of samples) gauge.set(labels, value);
      }
    }
    return { text: await registry.metrics(), contentType: registry.contentType };
  };
}

function ownSources(service: ApiService, requests: RequestStatistics): MetricSource[] {
  const gauge = (name: string, help: string, value: () => number): MetricSource => ({
    name,
    help,
    type: 'gauge',
    collect: () => [{ value: value() }],
  });
  const byRequest = (name: string, help: string, value: 'requests' | 'seconds'): MetricSource => ({
    name,
    help,
    type: 'counter',
    collect: () =>
      Array.from(requests.counts, (entry) => ({
        labels: { method: entry.method, resource: entry.resource, code: String(entry.code) },
        value: entry[value],
      })),
  });
  return [
    {
      name: 'mill_objects',
      help: 'Objects in the store.',
      type: 'gauge',
      collect: () => KIND_NAMES.map((kind) => ({ labels: { kind }, value: service.state.count(kind) })),
    },
    gauge(
      'mill_store_revision',
      'Revision of the store that this server shows.',
      () => service.state.revision,
    ),
    gauge('mill_store_writable', 'Whether this server can commit now: 1 or 0.', () =>
      service.health.unwritable === undefined ? 1 : 0,
    ),
    gauge(
      'mill_store_stale_seconds',
      'For how long this server may have been behind what others commit, in seconds; 0 where it is current.',
      () => {
        const { staleSinceMs = service.clock.now() } = service.health;
        return Math.max(0, service.clock.now() - staleSinceMs) / 1_000;
      },
    ),
    gauge('mill_watchers', 'Watches that are open.', () => service.statistics.watchers),
    gauge('mill_requests_in_flight', 'Requests being answered, watches among them.', () => requests.inFlight),
    {
      name: 'mill_commits_total',
      help: 'Commits that this server was asked for and that went through.',
      type: 'counter',
      collect: () => [{ value: service.statistics.commits }],
    },
    byRequest('mill_requests_total', 'Requests answered.', 'requests'),
    byRequest('mill_request_seconds_total', 'Time taken by the requests answered, in seconds.', 'seconds'),
  ];
}
