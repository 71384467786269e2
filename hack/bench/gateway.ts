/** Requests a second and latency through the gateway, beside the same load without it. One JSON line; about 6 s. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../api/clock.ts';
import { silentLog } from '../../api/log.ts';
import { Gateway } from '../../runtime/gateway/gateway.ts';

const HOST = '127.0.0.1';
const CONNECTIONS = 32;
const WARM_UP_MS = 500;
const MEASURE_MS = 2_000;
const BODY = 'x'.repeat(1_024);
const REQUEST = Buffer.from('GET /bench HTTP/1.1\r\nHost: bench\r\nAccept: */*\r\nUser-Agent: bench\r\n\r\n');

interface Measurement {
  requestsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
}

const ROLES: Record<string, () => Promise<void>> = { backend: serveBackend, gateway: serveGateway };
await (ROLES[process.argv[2] ?? ''] ?? compare)();

async function compare(): Promise<void> {
  const backend = start('backend');
  const backendPort = await reported(backend);
  const gatewayPort = await freePort();
  const gateway = start('gateway', String(gatewayPort), String(backendPort));
  await reported(gateway);
  await measure(backendPort, WARM_UP_MS);
  const direct = await measure(backendPort, MEASURE_MS);
  await measure(gatewayPort, WARM_UP_MS);
  const throughGateway = await measure(gatewayPort, MEASURE_MS);
  backend.kill();
  gateway.kill();
  const ratio = rounded(throughGateway.requestsPerSecond / direct.requestsPerSecond);
  console.log(
    JSON.stringify({ bench: 'gateway', connections: CONNECTIONS, direct, gateway: throughGateway, ratio }),
  );
}

async function serveBackend(): Promise<void> {
  const server = http.createServer((_request, response) => response.end(BODY)).listen(0, HOST);
  await once(server, 'listening');
  process.send?.(portOf(server));
}

async function serveGateway(): Promise<void> {
  const [gatewayPort, port] = process.argv.slice(3).map(Number);
  if (gatewayPort === undefined || port === undefined) throw new Error('gateway: two ports are needed');
  const gateway = new Gateway({ host: HOST, clock: systemClock, log: silentLog });
  const backends = [{ alloc: 'bench-1', host: HOST, port }];
  gateway.apply({
    service: 'bench',
    ports: [{ name: 'main', gatewayPort, protocol: 'auto', backends }],
    drainTimeoutMs: 0,
  });
  await gateway.listening();
  process.send?.(gatewayPort);
}

/** Each connection sends its next request when the answer to the last one is complete. */
async function measure(port: number, forMs: number): Promise<Measurement> {
  const latenciesMs: number[] = [];
  const startMs = performance.now();
  const sockets = Array.from({ length: CONNECTIONS }, () => net.connect(port, HOST));
  await Promise.all(sockets.map((socket) => drive(socket, startMs + forMs, latenciesMs)));
  const seconds = (performance.now() - startMs) / 1_000;
  latenciesMs.sort((a, b) => a - b);
  const quantile = (q: number) => rounded(latenciesMs[Math.floor(latenciesMs.length * q)] ?? 0);
  return {
    requestsPerSecond: Math.round(latenciesMs.length / seconds),
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
  };
}

function drive(socket: net.Socket, untilMs: number, latenciesMs: number[]): Promise<void> {
  return new Promise((resolve, reject) => {
    let sentMs = performance.now();
    let tail = '';
    socket.setNoDelay(true).setEncoding('latin1');
    socket.on('error', reject).on('close', () => resolve());
    socket.on('data', (text: string) => {
      tail = (tail + text).slice(-BODY.length);
      if (tail !== BODY) return;
      const nowMs = performance.now();
      latenciesMs.push(nowMs - sentMs);
      if (nowMs >= untilMs) return socket.destroy();
      sentMs = nowMs;
      tail = '';
      return socket.write(REQUEST);
    });
    socket.write(REQUEST);
  });
}

function start(...args: string[]): ChildProcess {
  return fork(fileURLToPath(import.meta.url), args);
}

async function reported(child: ChildProcess): Promise<number> {
  const [port] = await once(child, 'message');
  return Number(port);
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, HOST);
  await once(server, 'listening');
  const port = portOf(server);
  server.close();
  await once(server, 'close');
  return port;
}

function portOf(server: net.Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
