/** What operators do to a simulated cluster, through the API like everybody else. */
import { annotate, applyPatch } from '../../api/cli/manifest/merge.ts';
import { type Client, deleteIfPresent, type Written } from '../../api/client/client.ts';
import { isApiError } from '../../api/errors.ts';
import type { Cluster } from './cluster.ts';
import { ADMIN } from './cluster.ts';
import type { Plan, ServicePlan, Step } from './plan.ts';

/** Between two attempts of a command whose server could not be reached. */
const RETRY_MS = 400;
/** After which an operator gives up, or waits for something else. */
const MOST_TRIES = 60;

/** Nobody mounts it. */
const IDLE_VOLUME = 'idle-0';

export class Operators {
  readonly #cluster: Cluster;
  readonly #plan: Plan;
  readonly #client: Client;

  constructor(cluster: Cluster, plan: Plan) {
    this.#cluster = cluster;
    this.#plan = plan;
    this.#client = cluster.operator();
  }

  /** Registers the machines, starts their agents, and applies the manifests. */
  async setUp(): Promise<void> {
    const { agents } = this.#cluster;
    for (const [index] of agents.entries()) await this.join(index);
    const { idleVolumes, tasks, services } = this.#plan;
    const volumes = services.flatMap(({ volume }) => volume ?? []);
    for (const name of volumes)
      await this.#persist(`create volume ${name}`, () => this.#create('Volume', name, {}));
    // Nobody mounts it; it is attached all the same.
    for (let index = 0; index < idleVolumes; index++)
      await this.#persist(`create volume idle-${index}`, () =>
        this.#create('Volume', `idle-${index}`, { node: nodeName(index) }),
      );
    for (const service of services) await this.#createService(service);
    for (let index = 0; index < tasks; index++) await this.#createTask(`task-${index}`);
  }

  async carryOut(step: Step): Promise<void> {
    const client = this.#client;
    switch (step.do) {
      case 'drain':
        await Promise.all(step.nodes.map((node) => this.#drain(nodeName(node), step.policy)));
        return;
      case 'undrain':
        return this.#patchNode(step.node, { drain: false });
      case 'cordon':
        return this.#patchNode(step.node, { unschedulable: true });
      case 'uncordon':
        return this.#patchNode(step.node, { unschedulable: false });
      case 'remove':
        return this.#remove(nodeName(step.node), step.tries);
      case 'join':
        return this.join(step.node);
      case 'scale':
        return this.#patchService(step.service, { replicas: this.#replicas(step.service, step.replicas) });
      case 'apply':
        return this.#patchService(step.service, { template: { env: { VERSION: String(step.version) } } });
      case 'delete': {
        const { name } = this.#service(step.service);
        await this.#persist(`delete service ${name}`, () => deleteIfPresent(client, 'Service', name));
        return;
      }
      case 'recreate':
        return this.#createService(this.#service(step.service));
      case 'gitops':
        return this.#applyAgainAndAgain(step, this.#manifestOf(this.#service(step.service)));
      case 'gitopsNode':
        return this.#applyAgainAndAgain(step, {
          kind: 'Node',
          metadata: { name: nodeName(step.node) },
          spec: step.spec,
        });
      case 'placeVolume': {
        const node = nodeName(step.node);
        await this.#persist(`place ${IDLE_VOLUME} on ${node}`, () =>
          client.patch('Volume', IDLE_VOLUME, { spec: { node } }),
        );
        return;
      }
      case 'deleteVolume':
        await this.#persist(`delete ${IDLE_VOLUME}`, () => deleteIfPresent(client, 'Volume', IDLE_VOLUME));
        return;
      case 'task':
        return this.#createTask(step.name);
      default:
    }
  }

  /** A machine joins, for the first time or again after it was removed. */
  async join(index: number): Promise<void> {
    const agent = this.#cluster.agents[index];
    if (!agent) return;
    const { name } = agent.machine;
    if (agent.token !== '' && !agent.hasLeft) return;
    await this.#persist(`join ${name}`, async () => {
      const { server } = this.#cluster;
      if (!server) throw new Error('the server is away');
      const known = server.store.state.get('Credential', name);
      if (server.store.state.get('Node', name)?.spec.removed) return;
      if (known?.spec.revoked) await deleteIfPresent(this.#client, 'Credential', name);
      const { token } = await server.answer(() => server.service.registerNode(ADMIN, name, {}));
      agent.crash();
      agent.token = token;
      agent.hasLeft = false;
    });
    this.#cluster.startAgent(agent);
  }

  async #drain(name: string, policy: object): Promise<void> {
    await this.#persist(`drain ${name}`, async () => {
      const { spec } = await this.#client.get('Node', name);
      const attempt = spec.drainPolicy.attempt + (spec.drain ? 1 : 0);
      await this.#client.patch('Node', name, { spec: { drain: true, drainPolicy: { ...policy, attempt } } });
    });
  }

  async #remove(name: string, tries: number): Promise<void> {
    for (let attempt = 0; attempt < tries; attempt++) {
      const isTaken = await this.#persist(`remove ${name}`, () =>
        this.#client.patch('Node', name, { spec: { removed: true } }).then(() => {}),
      );
      if (isTaken) return;
      await this.#cluster.timeline.wait(RETRY_MS);
    }
  }

  async #applyAgainAndAgain(loop: { everyMs: number; forMs: number }, manifest: Written): Promise<void> {
    const { timeline } = this.#cluster;
    for (let passedMs = 0; passedMs < loop.forMs; passedMs += loop.everyMs) {
      await this.#persist(`apply ${manifest.kind} ${manifest.metadata.name}`, () => this.#apply(manifest));
      await timeline.wait(loop.everyMs);
    }
  }

  /** As `mill apply` does it. */
  async #apply(manifest: Written): Promise<void> {
    const { kind, metadata } = manifest;
    const client = this.#client;
    const live = await client.get(kind, metadata.name).catch((error: unknown) => {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    });
    const patch = live && applyPatch(live, manifest);
    if (!live) await client.create(annotate(manifest));
    else if (patch) await client.patch(kind, metadata.name, patch);
  }

  #patchNode(index: number, spec: object): Promise<void> {
    const name = nodeName(index);
    const what = `${JSON.stringify(spec)} ${name}`;
    return this.#persist(what, () => this.#client.patch('Node', name, { spec })).then(() => {});
  }

  #patchService(index: number, spec: object): Promise<void> {
    const { name } = this.#service(index);
    const what = `${JSON.stringify(spec)} ${name}`;
    return this.#persist(what, () => this.#client.patch('Service', name, { spec })).then(() => {});
  }

  async #createService(plan: ServicePlan): Promise<void> {
    const { name } = plan;
    await this.#persist(`create service ${name}`, () => this.#client.create(this.#manifestOf(plan)));
  }

  #manifestOf(plan: ServicePlan): Written {
    const { name, replicas, volume, maxParallel, minHealthyMs, healthyDeadlineMs } = plan;
    const index = this.#plan.services.indexOf(plan);
    const template = {
      command: ['serve'],
      env: { VERSION: '1' },
      health: { http: { path: '/' }, interval: '2s', unhealthyAfter: 2 },
      stopGrace: '1s',
      ...(volume === undefined ? {} : { volumes: [{ name: 'data', volume, path: 'data' }] }),
    };
    const migration = {
      maxParallel,
      minHealthy: `${minHealthyMs}ms`,
      healthyDeadline: `${healthyDeadlineMs}ms`,
    };
    const ports = [{ name: 'http', gatewayPort: 8_000 + index }];
    return { kind: 'Service', metadata: { name }, spec: { replicas, ports, template, migration } };
  }

  #createTask(name: string): Promise<void> {
    const spec = { template: { command: ['work'], stopGrace: '1s' } };
    return this.#persist(`create task ${name}`, () => this.#create('Task', name, spec)).then(() => {});
  }

  #create(kind: 'Task' | 'Volume', name: string, spec: object): Promise<unknown> {
    return this.#client.create({ kind, metadata: { name }, spec });
  }

  #service(index: number): ServicePlan {
    const service = this.#plan.services[index];
    if (!service) throw new RangeError(`there is no service ${index}`);
    return service;
  }

  /** A service with a volume has one replica at most. */
  #replicas(index: number, wanted: number): number {
    return this.#service(index).volume === undefined ? wanted : Math.min(1, wanted);
  }

  /** Until the server answers. @returns false where it refuses */
  async #persist(what: string, command: () => Promise<unknown>): Promise<boolean> {
    const { chronicle, timeline } = this.#cluster;
    for (let attempt = 0; attempt < MOST_TRIES; attempt++) {
      try {
        await command();
        chronicle.note('plan', `operator: ${what}`);
        return true;
      } catch (error) {
        if (isApiError(error) && !WORTH_ANOTHER_TRY.has(error.reason)) {
          chronicle.note('plan', `operator: ${what}: refused: ${error.message}`);
          return false;
        }
        await timeline.wait(RETRY_MS);
      }
    }
    return false;
  }
}

/** Where nobody knows what became of it, an operator tries again as well. */
const WORTH_ANOTHER_TRY: ReadonlySet<string> = new Set(['ServiceUnavailable', 'Conflict', 'Timeout']);

const nodeName = (index: number): string => `node-${index}`;
