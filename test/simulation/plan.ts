/** What is done to a simulated cluster, drawn from its seed before it begins: a list, so that it can be shortened. */
import type { NatsFault, NatsPlan } from './jetstream/plan.ts';

export interface ServicePlan {
  readonly name: string;
  readonly replicas: number;
  readonly maxParallel: number;
  readonly minHealthyMs: number;
  readonly healthyDeadlineMs: number;
  /** Name of its volume, if it has one. */
  readonly volume?: string;
}

/** A process, by what it is and which one. */
export type Target =
  /** Of several servers, which one. */
  | { readonly what: 'server'; readonly index?: number }
  | { readonly what: 'agent' | 'gateway'; readonly index: number }
  /** The agent of a machine that a replica of the service runs on, when it happens. */
  | { readonly what: 'host'; readonly service: number };

export type Action =
  // Operators.
  | { readonly do: 'drain'; readonly nodes: readonly number[]; readonly policy: object }
  | { readonly do: 'undrain' | 'join' | 'cordon' | 'uncordon'; readonly node: number }
  /** Again and again until it is taken: `mill remove --drain`. */
  | { readonly do: 'remove'; readonly node: number; readonly tries: number }
  | { readonly do: 'scale'; readonly service: number; readonly replicas: number }
  | { readonly do: 'apply'; readonly service: number; readonly version: number }
  | { readonly do: 'delete' | 'recreate'; readonly service: number }
  | { readonly do: 'gitops'; readonly service: number; readonly everyMs: number; readonly forMs: number }
  /** Of the volume that nobody mounts. */
  | { readonly do: 'placeVolume'; readonly node: number }
  | { readonly do: 'deleteVolume' }
  /** A manifest of a node, whatever operators do to it meanwhile. */
  | {
      readonly do: 'gitopsNode';
      readonly node: number;
      readonly spec: { readonly drain?: boolean; readonly unschedulable?: boolean };
      readonly everyMs: number;
      readonly forMs: number;
    }
  | { readonly do: 'task'; readonly name: string }
  // Faults.
  | { readonly do: 'crash'; readonly target: Target; readonly steps: number; readonly forMs: number }
  /** SIGTERM. `workloads`: an agent stops all that it runs. */
  | { readonly do: 'stop'; readonly target: Target; readonly workloads: boolean; readonly forMs: number }
  | { readonly do: 'blackout'; readonly node: number; readonly forMs: number }
  /** It is gone for good: nobody may wait for it, and what it had goes on elsewhere. */
  | { readonly do: 'lose'; readonly target: Target }
  | { readonly do: 'partition'; readonly target: Target; readonly forMs: number }
  | { readonly do: 'lostAnswers'; readonly target: Target; readonly share: number; readonly forMs: number }
  | {
      readonly do: 'badWatches';
      readonly target: Target;
      readonly watch: { lagMs: number; breaks: number; expires: number; repeats: boolean };
      readonly forMs: number;
    }
  | {
      readonly do: 'badVolumes';
      readonly slowestMs: number;
      readonly failures: number;
      readonly forMs: number;
    }
  | { readonly do: 'badWorkloads'; readonly share: number; readonly forMs: number }
  | { readonly do: 'flap'; readonly forMs: number }
  | { readonly do: 'badClock'; readonly target: Target; readonly offsetMs: number; readonly rate: number }
  | { readonly do: 'slowDisk'; readonly slowestMs: number; readonly forMs: number }
  | { readonly do: 'fullDisk'; readonly forMs: number }
  | { readonly do: 'unknownCommits'; readonly share: number; readonly forMs: number }
  | { readonly do: 'twoLeaders'; readonly forMs: number }
  // Where there are several servers on NATS.
  | NatsFault;

export type Step = Action & { readonly atMs: number };

export interface Plan {
  readonly seed: number;
  /** Several servers on NATS; absent: one, with the embedded store. */
  readonly nats?: NatsPlan;
  readonly nodes: number;
  readonly gateways: number;
  readonly services: readonly ServicePlan[];
  readonly idleVolumes: number;
  readonly tasks: number;
  readonly steps: readonly Step[];
}

export type EngineName = 'embedded' | 'jetstream';

/** @param text absent: whichever is drawn. @throws RangeError where there is no such engine */
export function readEngine(text: string | undefined): EngineName | undefined {
  if (text === undefined || text === 'embedded' || text === 'jetstream') return text;
  throw new RangeError(`there is no engine "${text}": it is embedded or jetstream`);
}

/** What is no fault. */
export const OPERATORS: ReadonlySet<Step['do']> = new Set([
  ...(['drain', 'undrain', 'join', 'cordon', 'uncordon', 'remove'] as const),
  ...([
    'scale',
    'apply',
    'delete',
    'recreate',
    'gitops',
    'gitopsNode',
    'placeVolume',
    'deleteVolume',
    'task',
  ] as const),
]);

/** Where nothing bad is planned: the services whose replicas nobody may miss. Undefined where something is. */
export function calmServices({ steps, services }: Plan): readonly ServicePlan[] | undefined {
  if (!steps.every((step) => OPERATORS.has(step.do))) return undefined;
  const isForced = steps.some(
    (step) => step.do === 'drain' && 'onDeadline' in step.policy && step.policy.onDeadline === 'force',
  );
  const changed = new Set(steps.map((step) => ('service' in step ? step.service : undefined)));
  return services.filter(({ volume }, index) => volume === undefined && !isForced && !changed.has(index));
}
