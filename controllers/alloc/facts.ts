/** What the alloc controller judges by: what is wanted, what the object remembers, what the process does. */
import { durationMs } from '../../api/duration.ts';
import { type Alloc, isTerminal } from '../../api/kinds/alloc.ts';
import type { Reader } from '../../api/store.ts';
import type { MountedVolume } from './environment.ts';
import type { SupervisionView } from './supervision.ts';

/** Phases that pass sooner than this are not reported: each report is a commit, and the next phase waits for it. */
export const TRANSIENT_MS = 50;
/** After so long without being healthy, the report says what the probes see. */
export const NOT_HEALTHY_AFTER_MS = 5_000;

export interface Facts {
  readonly owner: 'Service' | 'Task';
  readonly desired: 'running' | 'suspended' | 'stopped';
  /** The object says that it is over; it stays so. */
  readonly isOver: boolean;
  /**
   * `none`: there is no process, and one may be started; `lost`: the object says that there is one, and there is none;
   * `unreported`: one is left of which nobody knows how to reach it.
   */
  readonly process: 'none' | 'starting' | 'running' | 'stopping' | 'gone' | 'lost' | 'unreported';
  /** A gateway may still send it requests. */
  readonly isRouted: boolean;
  /** Why a volume cannot be used yet, one for each that is not there. */
  readonly missingVolumes: readonly string[];
  readonly health: 'unknown' | 'healthy' | 'unhealthy';
  readonly stopGraceMs: number;
  /** For a process that has no business to run. */
  readonly clearGraceMs: number;
  /** The object does not say yet that there is this process. */
  readonly isUnreported: boolean;
  /** How long the process has been as it is, in ms. */
  readonly lastedMs: number;
  /** When that passes a limit after which there is more to report, in ms since the epoch. */
  readonly reportAtMs?: number;
  /** For the report. */
  readonly address: string;
  readonly supervision: SupervisionView | undefined;
}

/** What the agent knows about its volumes; its mounts controller keeps it. */
export interface Mounts {
  /** The directory under which the volume's data is; undefined while it is not mounted for use here. */
  directory(volume: string): string | undefined;
  /** Why it could not be mounted, if that was tried. */
  problem(volume: string): string | undefined;
}

export interface NodeView {
  readonly node: string;
  readonly address: string;
  readonly isFenced: boolean;
  readonly supervision: SupervisionView | undefined;
  /** Another alloc whose process here has the volume open. */
  userOf(volume: string): string | undefined;
}

export function allocFacts(
  alloc: Alloc,
  reader: Reader,
  mounts: Mounts,
  here: NodeView,
  nowMs: number,
): Facts {
  const { spec } = alloc;
  const { supervision } = here;
  const process = processOf(alloc, supervision);
  const hasVolumes = (spec.template.volumes ?? []).length > 0;
  const stopGraceMs = durationMs(spec.template.stopGrace);
  const health = supervision?.health ?? 'unknown';
  const sinceMs = supervision?.sinceMs ?? nowMs;
  const reportAtMs = [TRANSIENT_MS, NOT_HEALTHY_AFTER_MS].map((ms) => sinceMs + ms).find((ms) => ms > nowMs);
  const isPassing =
    process === 'starting' || process === 'stopping' || (process === 'running' && health === 'unknown');
  return {
    owner: spec.owner.kind,
    desired: spec.desired,
    isOver: isTerminal(alloc),
    process,
    isRouted: isRouted(alloc),
    missingVolumes: hasVolumes ? missingVolumes(alloc, reader, mounts, here) : [],
    health,
    stopGraceMs,
    clearGraceMs: hasVolumes ? 0 : stopGraceMs,
    isUnreported: !isReported(alloc),
    lastedMs: nowMs - sinceMs,
    ...(isPassing && reportAtMs !== undefined ? { reportAtMs } : {}),
    address: here.address,
    supervision,
  };
}

/** The mounts that a workload is started with; call it only where nothing is missing. */
export const mountedVolumes = ({ spec }: Alloc, mounts: Mounts): MountedVolume[] =>
  (spec.template.volumes ?? []).map(({ name, path, volume }) => {
    const source = mounts.directory(volume);
    if (source === undefined) throw new Error(`volume "${volume}" is not mounted`);
    return { name, path, source };
  });

/** True where the object says that a process was started, since its last suspension if there was one. */
export const isReported = ({ status }: Pick<Alloc, 'status'>): boolean =>
  status.startedAt !== undefined && status.suspendedAt === undefined;

function processOf({ status }: Alloc, supervision: SupervisionView | undefined): Facts['process'] {
  const wasStarted = isReported({ status });
  if (!supervision) return wasStarted ? 'lost' : 'none';
  const { process, purpose, isAdopted } = supervision;
  if (process !== 'gone') return isAdopted && purpose === 'cleared' && !wasStarted ? 'unreported' : process;
  if (purpose === 'suspended') return 'none';
  if (!isAdopted) return 'gone';
  if (purpose === 'cleared' && !wasStarted) return 'none';
  return purpose === undefined && status.suspendedAt !== undefined ? 'none' : 'gone';
}

/** Until the endpoints controller says otherwise, an alloc of a service that was ever started may get requests. */
const isRouted = ({ spec, status }: Alloc): boolean =>
  spec.owner.kind === 'Service' &&
  status.route !== 'unrouted' &&
  (status.startedAt !== undefined || status.route !== undefined);

function missingVolumes({ spec }: Alloc, reader: Reader, mounts: Mounts, here: NodeView): string[] {
  if (here.isFenced) return ['no server can be reached'];
  return (spec.template.volumes ?? []).flatMap(({ volume: name }) => {
    const volume = reader.get('Volume', name);
    if (volume?.status.node !== here.node)
      return [`volume "${name}" is not attached to node "${here.node}" yet`];
    const { phase, mounted, message } = volume.status;
    const user = here.userOf(name);
    if (user !== undefined) return [`volume "${name}" is in use by alloc "${user}" still`];
    const problem = message ?? mounts.problem(name);
    if (problem !== undefined) return [`volume "${name}": ${problem}`];
    const isUsable = phase === 'attached' && mounted === true && volume.spec.node === here.node;
    return isUsable && mounts.directory(name) !== undefined
      ? []
      : [`volume "${name}" is ${phase}, not mounted yet`];
  });
}
