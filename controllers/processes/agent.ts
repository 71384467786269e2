/** An agent: runs the allocs of one node, mounts its volumes, keeps it in the mesh, and says that it is alive. */
import type { Client } from '../../api/client/client.ts';
import { type Clock, sleep } from '../../api/clock.ts';
import { nodeLeaseName } from '../../api/kinds/lease.ts';
import type { Log } from '../../api/log.ts';
import type { LogHandler } from '../../api/server/logs.ts';
import {
  type Environment,
  type RunningController,
  runController,
} from '../../runtime/controller/controller.ts';
import type { VolumeMounter } from '../../runtime/drivers/volume.ts';
import type { WorkloadDriver } from '../../runtime/drivers/workload.ts';
import { createEventRecorder } from '../../runtime/events.ts';
import { createInformer, type Informer } from '../../runtime/informer.ts';
import { createLeaseKeeper, type LeaseKeeper } from '../../runtime/lease.ts';
import type { Mesh } from '../../runtime/mesh/mesh.ts';
import { createPortAllocator, type PortAllocator } from '../../runtime/ports.ts';
import { createAllocController } from '../alloc/controller.ts';
import { inheritedEnvironment } from '../alloc/environment.ts';
import { Supervisor, type SupervisorOptions } from '../alloc/supervisor.ts';
import { createMeshController } from '../mesh/controller.ts';
import { createMountsController } from '../mounts/controller.ts';
import { MountTable } from '../mounts/table.ts';
import { type AgentTimes, WITH_ONE_SERVER } from './agent-times.ts';

/** Longest grace that workloads get when their agent stops: it has 10 s in all. */
const CLOSE_GRACE_MS = 6_000;
/** After SIGKILL. A process that is stuck in the kernel must not keep its agent up. */
const CLOSE_KILL_MS = 2_000;
/** For the last reports of what was stopped; a server that is away is not waited for longer. */
const CLOSE_REPORT_MS = 500;
/** Characters of the random name of a run. */
const SESSION_LENGTH = 10;

/** The times are those with one server where they are not given. */
export interface AgentOptions extends Partial<AgentTimes> {
  readonly node: string;
  /** With the node's credential. */
  readonly client: Client;
  readonly clock: Clock;
  /** 0 ≤ n < 1. */
  readonly random: () => number;
  readonly log: Log;
  /** At which the node's allocs are reached. */
  readonly address: string;
  /** Its own: the agent closes it. */
  readonly workloads: WorkloadDriver;
  readonly volumes: VolumeMounter;
  readonly mesh: Mesh;
  /** Shared by the agents of a process that have one address; default: one of its own. */
  readonly ports?: PortAllocator;
  /** How workloads are probed; default: over the network. */
  readonly probe?: SupervisorOptions['probe'] | undefined;
  /** The agent's own environment, of which workloads get a part. Default: that of this process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Given what reads an alloc's output, for whoever lets the servers ask for it. @returns what ends that */
  readonly serveLogs?: (handler: LogHandler) => () => void;
}

/** `removed`: the servers took the node out, and the agent stopped all that it still ran. */
export type AgentEnd = 'closed' | 'removed';

export interface Agent {
  /** Resolves when the servers know the agent, and it has taken up its work. Rejects where it cannot begin. */
  readonly ready: Promise<void>;
  /** Resolves when it has ended, with the reason. */
  readonly closed: Promise<AgentEnd>;
  /**
   * Resolves when it has ended. Writers of volumes are stopped in any case: without an agent nobody could fence them.
   * @param stopWorkloads true: the others, too, each with its grace, in bounded time; false: the next agent adopts them
   */
  close(options: { readonly stopWorkloads: boolean }): Promise<void>;
}

export function startAgent(options: AgentOptions): Agent {
  return new NodeAgent(options);
}

class NodeAgent implements Agent {
  readonly ready: Promise<void>;
  readonly closed: Promise<AgentEnd>;
  readonly #options: AgentOptions;
  readonly #informer: Informer;
  readonly #lease: LeaseKeeper;
  readonly #supervisor: Supervisor;
  readonly #table: MountTable;
  readonly #abort = new AbortController();
  #stopLogs = () => {};
  #controllers: readonly RunningController[] = [];
  #ending: Promise<void> | undefined;
  #onClosed: (reason: AgentEnd) => void = () => {};

  constructor(options: AgentOptions) {
    this.#options = options;
    const { node, client, clock, random, address, volumes } = options;
    const log = options.log.child({ node });
    this.closed = new Promise((resolve) => {
      this.#onClosed = resolve;
    });
    this.#supervisor = new Supervisor({
      address,
      driver: options.workloads,
      ports: options.ports ?? createPortAllocator({ address, random }),
      clock,
      random,
      log,
      inherited: inheritedEnvironment(options.environment ?? process.env),
      probe: options.probe,
    });
    this.#table = new MountTable(volumes, node);
    this.#informer = createInformer({ client, clock, log, random, watches: watchesOf(node) });
    this.#lease = this.#keepLease(log);
    this.ready = this.#begin(log);
    // Whoever waits for `closed` alone has not asked to hear of this.
    this.ready.catch(() => {});
  }

  close({ stopWorkloads }: { readonly stopWorkloads: boolean }): Promise<void> {
    return this.#end('closed', stopWorkloads);
  }

  #keepLease(log: Log): LeaseKeeper {
    const { node, client, clock, random } = this.#options;
    const { fenceAfterMs, leaseDurationMs, renewEveryMs } = { ...WITH_ONE_SERVER, ...this.#options };
    const lease = createLeaseKeeper({
      client,
      clock,
      log,
      name: nodeLeaseName(node),
      holder: 'agent',
      node,
      durationMs: leaseDurationMs,
      renewEveryMs,
      session: sessionName(random),
    });
    lease.onLost(() => {
      log.warn({ afterMs: fenceAfterMs }, 'no server was reached: what writes to volumes is killed');
      this.#supervisor.fence();
      this.#table.doubt();
    }, fenceAfterMs);
    lease.onRegained(() => this.#supervisor.unfence());
    lease.onRejected((error) => {
      log.warn({ reason: error.message }, 'the servers refuse this node: it was removed');
      void this.#end('removed', true);
    });
    return lease;
  }

  async #begin(log: Log): Promise<void> {
    const { node, workloads, serveLogs } = this.#options;
    this.#supervisor.recover(await workloads.recover());
    await this.#untilEnded(this.#informer.synced);
    if (this.#ending) return;
    const { state } = this.#informer;
    this.#supervisor.adopt((name) => state.get('Alloc', name));
    this.#informer.subscribe({ kinds: ['Node'], signal: this.#abort.signal }, (change) => {
      if (change.type === 'deleted') void this.#end('removed', true);
    });
    if (!state.get('Node', node)) {
      log.warn({}, 'there is no such node: it was removed');
      void this.#end('removed', true);
      return;
    }
    this.#controllers = this.#runControllers(log);
    this.#stopLogs = serveLogs?.((alloc, wanted) => workloads.logs(alloc, given(wanted))) ?? this.#stopLogs;
    await this.#untilEnded(this.#lease.held);
  }

  #runControllers(log: Log): RunningController[] {
    const { node, client, clock, random, mesh } = this.#options;
    const events = createEventRecorder({ client, clock, random, log, source: `agent ${node}` });
    const environment: Environment = { source: this.#informer, client, clock, random, log, events };
    const supervisor = this.#supervisor;
    const table = this.#table;
    const reader = this.#informer.state;
    return [
      runController(createAllocController({ node, supervisor, mounts: table, reader }), environment),
      runController(createMountsController({ node, table, writers: supervisor, reader }), environment),
      runController(
        createMeshController({
          node,
          mesh,
          progress: this.#informer,
          onApplied: (appliedRevision) => this.#lease.report({ appliedRevision }),
        }),
        environment,
      ),
    ];
  }

  #end(reason: AgentEnd, stopWorkloads: boolean): Promise<void> {
    this.#ending ??= this.#shutDown(reason, stopWorkloads);
    return this.#ending;
  }

  /** The heartbeat goes last: for as long as a writer may run, the servers must not take this node for dead. */
  async #shutDown(reason: AgentEnd, stopWorkloads: boolean): Promise<void> {
    this.#abort.abort();
    this.#stopLogs();
    await this.#stopWorkloads(stopWorkloads ? 'all' : 'writers');
    await this.#atMost(
      CLOSE_REPORT_MS,
      Promise.all(this.#controllers.map((controller) => controller.idle())),
    );
    await Promise.all(this.#controllers.map((controller) => controller.stop()));
    if (reason === 'removed') await this.#options.mesh.tearDown();
    this.#informer.close();
    await this.#lease.close();
    await this.#options.workloads.close();
    this.#onClosed(reason);
  }

  /** The supervisor bounds each stop by SIGKILL; what even that does not end is left behind. */
  async #stopWorkloads(which: 'all' | 'writers'): Promise<void> {
    await this.#atMost(CLOSE_GRACE_MS + CLOSE_KILL_MS, this.#supervisor.close(which, CLOSE_GRACE_MS));
  }

  async #atMost(ms: number, work: Promise<unknown>): Promise<void> {
    const done = new AbortController();
    const ended = work.finally(() => done.abort());
    await Promise.race([ended, sleep(this.#options.clock, ms, done.signal)]);
  }

  async #untilEnded(work: Promise<void>): Promise<void> {
    await Promise.race([work, this.closed]);
  }
}

/** The volumes attached here, wherever they are wanted: one that leaves is the agent's business until it has left. */
const watchesOf = (node: string) =>
  [
    { kind: 'Alloc', fieldSelector: `spec.node=${node}` },
    { kind: 'Volume', fieldSelector: `status.node=${node}` },
    { kind: 'Node', fieldSelector: `metadata.name=${node}` },
    { kind: 'Peer' },
  ] as const;

const sessionName = (random: () => number): string =>
  Array.from({ length: SESSION_LENGTH }, () => Math.floor(random() * 36).toString(36)).join('');

/** The options that are there. */
const given = ({ follow, tailLines, signal }: Parameters<LogHandler>[1]) => ({
  signal,
  ...(follow === undefined ? {} : { follow }),
  ...(tailLines === undefined ? {} : { tailLines }),
});
