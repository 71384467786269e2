/** The processes that `main.ts` hands to the command line: this layer knows their options, not what they do. */
import type { Stores } from './stores.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

interface ProcessOptions {
  readonly logLevel: LogLevel;
}

/** Where in NATS the state is kept. Files are read by the process. */
export interface NatsTarget {
  readonly servers: readonly string[];
  /** What the streams are named by: one NATS cluster may keep the states of several fleets. */
  readonly bucket: string;
  /** Absent: as many as the cluster has servers for, up to three. */
  readonly replicas?: 1 | 3 | 5;
  readonly user?: string;
  readonly passwordFile?: string;
  /** JWT and seed. */
  readonly credentialsFile?: string;
  /** PEM. */
  readonly tls?: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string };
}

export interface UpOptions extends ProcessOptions {
  /** How many local nodes. */
  readonly nodes: number;
  /** `HOST:PORT`. */
  readonly listen: string;
  /** Directory that keeps the state; with `nats` what else this process keeps. */
  readonly data: string;
  /** Absent: the embedded store. */
  readonly nats?: NatsTarget;
  /** Called with the API's URL when everything is up: applies the manifests that were given. */
  readonly onReady: (url: string) => Promise<void>;
}

export interface ServerOptions extends ProcessOptions {
  /** `HOST:PORT`. */
  readonly listen: string;
  /** Directory of the embedded store, and of the server's certificates. */
  readonly data: string;
  /** Absent: the embedded store. */
  readonly nats?: NatsTarget;
  /** Name of this server among those of one NATS cluster; absent: one that is made at the first start, and kept. */
  readonly serverName?: string;
  /** The node that it runs on, where this machine is one of the fleet. */
  readonly node?: string;
  /** Directory of local volumes, where it is not one of its own: all servers and agents share it. */
  readonly volumes?: string;
  /** More names and addresses for the server's certificate. */
  readonly tlsNames: readonly string[];
}

export interface AgentOptions extends ProcessOptions {
  readonly node: string;
  /** URLs of the servers of one cluster, at least one. */
  readonly servers: readonly string[];
  /** Credential to register with; absent: the one of an earlier run in `data`, or the context's. */
  readonly token?: string;
  /** PEM of the CA that the server's certificate must be of. */
  readonly ca?: string;
  readonly data: string;
  /** Address at which the other nodes and the gateways reach this one. */
  readonly address?: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface GatewayOptions extends ProcessOptions {
  /** URLs of the servers of one cluster, at least one. */
  readonly servers: readonly string[];
  readonly token?: string;
  readonly ca?: string;
  /** Host to listen on, for the ports of all services. */
  readonly listenHost: string;
}

/** Each runs in the foreground until it is told to stop, and resolves to the process's exit code. */
export interface Processes {
  up(options: UpOptions): Promise<number>;
  server(options: ServerOptions): Promise<number>;
  agent(options: AgentOptions): Promise<number>;
  gateway(options: GatewayOptions): Promise<number>;
  /** Runs no process, but works on what one leaves. */
  stores(): Promise<Stores>;
}
