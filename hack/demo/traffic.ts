/** Steady traffic through the gateway: clients that keep their connection, and clients that open one for each request. */
import { Agent, request } from 'node:http';

/** A request that takes longer has failed. */
const REQUEST_TIMEOUT_MS = 30_000;

export interface TrafficOptions {
  readonly url: string;
  readonly keepAlive: boolean;
  /** Pause between the answer to one request and the next one. */
  readonly pauseMs: number;
  readonly onBody?: (body: string) => void;
}

export interface Traffic {
  readonly requests: number;
  readonly failures: readonly string[];
  /** Longest time from a request to its whole answer, in milliseconds. */
  readonly slowestMs: number;
  /** Sends no further request; resolves when the last one has ended. */
  stop(): Promise<void>;
}

/** One client that sends one request after another until it is stopped. */
export function startTraffic(options: TrafficOptions): Traffic {
  const agent = new Agent({ keepAlive: options.keepAlive, maxSockets: 1 });
  const failures: string[] = [];
  let requests = 0;
  let slowestMs = 0;
  let running = true;
  const loop = async () => {
    while (running) {
      const startedAt = performance.now();
      requests += 1;
      try {
        const body = await get(options.url, agent);
        options.onBody?.(body);
      } catch (error) {
        failures.push(error instanceof Error ? error.message : String(error));
      }
      slowestMs = Math.max(slowestMs, performance.now() - startedAt);
      await new Promise((resolve) => setTimeout(resolve, options.pauseMs));
    }
  };
  const ended = loop().finally(() => agent.destroy());
  return {
    get requests() {
      return requests;
    },
    get slowestMs() {
      return slowestMs;
    },
    failures,
    stop() {
      running = false;
      return ended;
    },
  };
}

/** The body of a 2xx answer. @throws Error where there is none */
export function get(url: string, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { agent, timeout: REQUEST_TIMEOUT_MS }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => {
        const ok = response.complete && response.statusCode !== undefined && response.statusCode < 300;
        if (ok) resolve(body);
        else reject(new Error(`status ${response.statusCode}: ${body.trim().slice(0, 200)}`));
      });
      response.on('error', reject);
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('timed out')));
    outgoing.on('error', reject);
    outgoing.end();
  });
}
