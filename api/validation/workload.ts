/** What a schema cannot say about services, tasks and allocs: rules between fields of one object. */
import type { StatusCause } from '../errors.ts';
import type { AllocSpec } from '../kinds/alloc.ts';
import type { KindName } from '../kinds/index.ts';
import type { ServiceSpec } from '../kinds/service.ts';
import type { TaskSpec } from '../kinds/task.ts';
import type { Health, Template } from '../kinds/template.ts';

/** Checks a spec that its schema has passed. */
export function checkWorkload(kind: KindName, spec: unknown): StatusCause[] {
  switch (kind) {
    case 'Service': {
      const service = spec as ServiceSpec;
      const names = service.ports.map((port) => port.name);
      const gatewayPorts = service.ports.map((port) => port.gatewayPort);
      return [
        ...duplicates(names, (index) => `spec.ports[${index}].name`),
        ...duplicates(gatewayPorts, (index) => `spec.ports[${index}].gatewayPort`),
        ...checkTemplate(service.template, names),
      ];
    }
    case 'Alloc': {
      const alloc = spec as AllocSpec;
      return [
        ...duplicates(alloc.ports, (index) => `spec.ports[${index}]`),
        ...checkTemplate(alloc.template, alloc.ports),
      ];
    }
    case 'Task':
      return checkTemplate((spec as TaskSpec).template, []);
    default:
      return [];
  }
}

function checkTemplate(template: Template, ports: readonly string[]): StatusCause[] {
  const mounts = template.volumes ?? [];
  return [
    ...checkDriver(template),
    ...(template.health ? checkHealth(template.health, ports) : []),
    ...duplicates(
      mounts.map((mount) => mount.name),
      (index) => `spec.template.volumes[${index}].name`,
    ),
    ...duplicates(
      mounts.map((mount) => mount.volume),
      (index) => `spec.template.volumes[${index}].volume`,
    ),
    ...duplicates(
      mounts.map((mount) => mount.path),
      (index) => `spec.template.volumes[${index}].path`,
    ),
  ];
}

function checkDriver(template: Template): StatusCause[] {
  if (template.driver === 'exec' && !template.command) {
    return [
      required('spec.template.command', 'is required by the exec driver: the command and its arguments'),
    ];
  }
  if (template.driver === 'container' && !template.image) {
    return [required('spec.template.image', 'is required by the container driver')];
  }
  return [];
}

function checkHealth(health: Health, ports: readonly string[]): StatusCause[] {
  const field = 'spec.template.health';
  const given = (['http', 'tcp', 'exec'] as const).filter((probe) => health[probe] !== undefined);
  const causes: StatusCause[] = [];
  if (given.length > 1) {
    causes.push(refused(field, `must have only one of http, tcp and exec (got ${given.join(', ')})`));
  }
  for (const probe of ['http', 'tcp'] as const) {
    const port = health[probe]?.port;
    if (typeof port !== 'string' || ports.includes(port)) continue;
    const known = ports.length ? `the ports are ${ports.join(', ')}` : 'there are no named ports';
    causes.push(refused(`${field}.${probe}.port`, `no port is named "${port}"; ${known}`));
  }
  return causes;
}

function duplicates(
  values: readonly (string | number | undefined)[],
  fieldOf: (index: number) => string,
): StatusCause[] {
  const seen = new Set<string | number>();
  return values.flatMap((value, index) => {
    if (value === undefined || !seen.has(value)) {
      if (value !== undefined) seen.add(value);
      return [];
    }
    const message = `is used twice (got ${JSON.stringify(value)})`;
    return [{ field: fieldOf(index), message, reason: 'FieldValueDuplicate' }];
  });
}

const required = (field: string, message: string): StatusCause => ({
  field,
  message,
  reason: 'FieldValueRequired',
});
const refused = (field: string, message: string): StatusCause => ({
  field,
  message,
  reason: 'FieldValueInvalid',
});
