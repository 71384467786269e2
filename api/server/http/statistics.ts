/** Counts requests for the metrics: plain numbers, so that nothing is loaded before somebody asks. */

export interface RequestCount {
  readonly method: string;
  readonly resource: string;
  readonly code: number;
  requests: number;
  seconds: number;
}

export class RequestStatistics {
  readonly #counts = new Map<string, RequestCount>();
  inFlight = 0;

  /** @param resource a route's name, of which there are few; never a part of the path */
  record(method: string, resource: string, code: number, seconds: number): void {
    const key = `${method} ${resource} ${code}`;
    const entry = this.#counts.get(key) ?? { method, resource, code, requests: 0, seconds: 0 };
    entry.requests += 1;
    entry.seconds += seconds;
    this.#counts.set(key, entry);
  }

  get counts(): Iterable<RequestCount> {
    return this.#counts.values();
  }
}
