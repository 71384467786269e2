/** The environment that a workload sees: what the agent passes on, what mill tells it, what its template says. */
import type { Alloc } from '../../api/kinds/alloc.ts';
import type { Port } from '../../runtime/ports.ts';

/** What a workload takes over from its agent: enough to find programs, nothing that is the agent's own business. */
const INHERITED = ['PATH', 'HOME', 'LANG'] as const;

export type Environment = Readonly<Record<string, string>>;

export interface MountedVolume {
  /** As the template names it. */
  readonly name: string;
  readonly path: string;
  /** The directory with the volume's data. */
  readonly source: string;
}

/** The part of the agent's own environment that its workloads get. */
export function inheritedEnvironment(own: Readonly<Record<string, string | undefined>>): Environment {
  return Object.fromEntries(
    INHERITED.flatMap((name) => (own[name] === undefined ? [] : [[name, own[name]]])),
  );
}

/** Later ones win, so the template has the last word. */
export function workloadEnvironment(
  { metadata, spec }: Alloc,
  inherited: Environment,
  ports: readonly Port[],
  volumes: readonly MountedVolume[],
): Environment {
  const [first] = ports;
  return {
    ...inherited,
    MILL_ALLOC: metadata.name,
    MILL_NODE: spec.node,
    [spec.owner.kind === 'Service' ? 'MILL_SERVICE' : 'MILL_TASK']: spec.owner.name,
    ...(first && { PORT: String(first.port) }),
    ...Object.fromEntries(ports.map(({ name, port }) => [`PORT_${variable(name)}`, String(port)])),
    ...Object.fromEntries(volumes.map(({ name, source }) => [`MILL_VOLUME_${variable(name)}`, source])),
    ...spec.template.env,
  };
}

/** `admin-api` → `ADMIN_API`. */
const variable = (name: string): string => name.toUpperCase().replaceAll('-', '_');
