/** Asks a workload once whether it is healthy. */
import { spawn } from 'node:child_process';
import { get } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { ExecCheck, HttpCheck, ProbeCheck, TcpCheck } from './check.ts';

/** An answer's body is read up to here, so that the workload sees no reset for a small page; then hung up on. */
const MAX_BODY_BYTES = 16 * 1024;

/** How long a server may take to close its end of a connection that has told enough. Milliseconds. */
const GOODBYE_MS = 1_000;

export type ProbeResult = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/**
 * Never throws: whatever goes wrong is the workload not being healthy.
 * @param signal ends the probe, which then fails with the signal's reason; the caller's clock sets the timeout
 */
export function probe(check: ProbeCheck, signal: AbortSignal): Promise<ProbeResult> {
  if (signal.aborted) return Promise.resolve(failed(signal.reason));
  switch (check.kind) {
    case 'http':
      return probeHttp(check, signal);
    case 'tcp':
      return probeTcp(check, signal);
    case 'exec':
      return probeExec(check, signal);
  }
}

function probeHttp({ host, port, path }: HttpCheck, signal: AbortSignal): Promise<ProbeResult> {
  return new Promise((resolve) => {
    // `agent: false`: a connection of its own, closed after. A kept one would not notice a full accept queue.
    const headers = { 'user-agent': 'mill-probe', accept: '*/*' };
    const request = get({ host, port, path, headers, agent: false, signal }, (response) => {
      const { statusCode = 0 } = response;
      const isOk = statusCode >= 200 && statusCode < 400;
      const result: ProbeResult = isOk ? { ok: true } : { ok: false, reason: `http ${statusCode}` };
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_BODY_BYTES) response.destroy();
      });
      response.on('error', () => {}); // 'close' follows
      response.on('close', () => resolve(signal.aborted ? failed(signal.reason) : result));
    });
    request.on('error', (error) => resolve(failed(signal.aborted ? signal.reason : error)));
  });
}

function probeTcp({ host, port }: TcpCheck, signal: AbortSignal): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (result: ProbeResult) => {
      signal.removeEventListener('abort', abort);
      socket.destroy();
      resolve(result);
    };
    const abort = () => end(failed(signal.reason));
    signal.addEventListener('abort', abort, { once: true });
    socket.once('connect', () => {
      if (isSelf(socket)) return end(failed(new Error('nothing listens')));
      signal.removeEventListener('abort', abort);
      socket.off('error', fail);
      sayGoodbye(socket);
      resolve({ ok: true });
    });
    const fail = (error: Error) => end(failed(error));
    socket.once('error', fail);
  });
}

/** Closes in order, and reads what a server greets with: many a server does not survive a reset. */
function sayGoodbye(socket: Socket): void {
  socket.on('error', () => {}).setTimeout(GOODBYE_MS, () => socket.destroy());
  socket.resume().end();
}

/**
 * On loopback, with nobody listening, the kernel may pick the very port we connect to as our own, and TCP's
 * simultaneous open connects the socket to itself.
 */
const isSelf = (socket: Socket): boolean =>
  socket.localPort === socket.remotePort && socket.localAddress === socket.remoteAddress;

function probeExec({ command, env, cwd }: ExecCheck, signal: AbortSignal): Promise<ProbeResult> {
  const [name = '', ...parameters] = command;
  return new Promise((resolve) => {
    // A group of its own, so that a timeout ends what the command started as well.
    const child = spawn(name, parameters, { env: { ...env }, cwd, stdio: 'ignore', detached: true });
    const killGroup = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // Nothing of it is left.
      }
    };
    signal.addEventListener('abort', killGroup, { once: true });
    const end = (result: ProbeResult) => {
      signal.removeEventListener('abort', killGroup);
      resolve(signal.aborted ? failed(signal.reason) : result);
    };
    child.once('error', (error) => end(failed(error)));
    child.once('exit', (code, killedBy) => {
      killGroup();
      const how = code === null ? `was ended by ${killedBy}` : `exited with ${code}`;
      end(code === 0 ? { ok: true } : { ok: false, reason: `"${name}" ${how}` });
    });
  });
}

function failed(cause: unknown): ProbeResult {
  const text = cause instanceof Error ? cause.message : String(cause);
  return { ok: false, reason: text.split('\n', 1)[0] || 'failed' };
}
