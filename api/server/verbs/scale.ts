/** The `scale` subresource of a service (autoscaling/v1): what `kubectl scale` and autoscalers read and write. */
import { invalid } from '../../errors.ts';
import type { Service } from '../../kinds/service.ts';
import { MAX_REPLICAS } from '../../kinds/service.ts';
import type { Actor, Reader } from '../../store.ts';
import { copyPlain, isPlainObject } from '../../validation/plain.ts';
import { type Core, commitObject, existing, type ObjectDecision, type WriteParameters } from '../commit.ts';
import { type PatchType, preparePatch } from './patch.ts';
import { decideReplacement } from './update.ts';

export interface Scale {
  readonly kind: 'Scale';
  readonly apiVersion: 'autoscaling/v1';
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly creationTimestamp: string;
  };
  readonly spec: { readonly replicas: number };
  readonly status: { readonly replicas: number };
}

export function scaleOf(service: Service): Scale {
  const { name, uid, resourceVersion, creationTimestamp } = service.metadata;
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, uid, resourceVersion, creationTimestamp },
    spec: { replicas: service.spec.replicas },
    status: { replicas: service.status.replicas ?? service.status.ready },
  };
}

export async function updateScale(
  core: Core,
  actor: Actor,
  name: string,
  scale: unknown,
  parameters: WriteParameters,
): Promise<Scale> {
  const wanted = copyPlain(scale, 'the scale');
  const service = await commitObject(core, actor, 'Service', parameters, (state) =>
    decideScale(state, existing(state, 'Service', name), wanted, core.clock.now()),
  );
  return scaleOf(service);
}

export async function patchScale(
  core: Core,
  actor: Actor,
  name: string,
  patch: unknown,
  parameters: WriteParameters & { readonly type: PatchType },
): Promise<Scale> {
  const apply = preparePatch('Service', name, patch, parameters.type);
  const service = await commitObject(core, actor, 'Service', parameters, (state) => {
    const current = existing(state, 'Service', name);
    return decideScale(state, current, apply(scaleOf(current)), core.clock.now());
  });
  return scaleOf(service);
}

function decideScale(
  state: Reader,
  current: Service,
  scale: unknown,
  nowMs: number,
): ObjectDecision<Service> {
  const { replicas, resourceVersion, uid } = readScale(current.metadata.name, scale);
  const { name, ...metadata } = current.metadata;
  const written = {
    ...metadata,
    name,
    uid: uid ?? metadata.uid,
    resourceVersion: resourceVersion ?? metadata.resourceVersion,
  };
  const spec = { ...current.spec, replicas };
  return decideReplacement(
    state,
    current,
    { kind: 'Service', metadata: written, spec, status: undefined },
    nowMs,
  );
}

function readScale(name: string, scale: unknown) {
  const { spec, metadata } = isPlainObject(scale) ? scale : {};
  // No replicas means none (autoscaling/v1).
  const replicas = isPlainObject(spec) ? (spec.replicas ?? 0) : undefined;
  if (
    typeof replicas !== 'number' ||
    !Number.isInteger(replicas) ||
    replicas < 0 ||
    replicas > MAX_REPLICAS
  ) {
    const message = `must be a whole number from 0 to ${MAX_REPLICAS} (got ${JSON.stringify(replicas) ?? 'nothing'})`;
    throw invalid('Service', name, [{ field: 'spec.replicas', message }]);
  }
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);
  const { resourceVersion, uid } = isPlainObject(metadata) ? metadata : {};
  return { replicas, resourceVersion: text(resourceVersion), uid: text(uid) };
}
