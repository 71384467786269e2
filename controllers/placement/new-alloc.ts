/** The alloc that a service or a task gets on a node, as it is written. */
import type { Written } from '../../api/client/client.ts';
import type { Service } from '../../api/kinds/service.ts';
import type { Task } from '../../api/kinds/task.ts';
import { API_VERSION, MAX_NAME_LENGTH } from '../../api/meta.ts';

/** Enough that two names of one slot do not meet: 36⁵ is 60 million. */
const SUFFIX_LENGTH = 5;
/** Longest value of a label (Kubernetes convention). */
const MAX_LABEL_LENGTH = 63;

export interface NewAlloc {
  readonly owner: Service | Task;
  readonly node: string;
  /** Of a service: which replica it is. */
  readonly slot?: number;
  /** The alloc that it is to replace. */
  readonly replaces?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** 0 ≤ n < 1, for its name. */
  readonly random: () => number;
}

/** Of the owner's present template; named after the owner, and deleted with it. */
export function newAlloc(request: NewAlloc): Written<'Alloc'> & { readonly kind: 'Alloc' } {
  const { owner, node, slot = 0, replaces, annotations, random } = request;
  const { kind, metadata } = owner;
  const { name, uid } = metadata;
  const suffix = kind === 'Service' ? `-${slot}-${randomSuffix(random)}` : `-${randomSuffix(random)}`;
  const label =
    name.length <= MAX_LABEL_LENGTH ? { labels: { [`mill.dev/${kind.toLowerCase()}`]: name } } : {};
  return {
    kind: 'Alloc',
    metadata: {
      name: `${shortened(name, MAX_NAME_LENGTH - suffix.length)}${suffix}`,
      ownerReferences: [{ apiVersion: API_VERSION, kind, name, uid, controller: true }],
      ...label,
      ...(annotations ? { annotations } : {}),
    },
    spec: {
      owner: { kind, name, uid },
      node,
      slot,
      ...(replaces === undefined ? {} : { replaces }),
      template: owner.spec.template,
      ports: owner.kind === 'Service' ? owner.spec.ports.map((port) => port.name) : [],
      desired: 'running',
    },
  };
}

function randomSuffix(random: () => number): string {
  return Math.floor(random() * 36 ** SUFFIX_LENGTH)
    .toString(36)
    .padStart(SUFFIX_LENGTH, '0');
}

/** Cut to length; a name does not end in a dot or a dash before the suffix's dash. */
const shortened = (name: string, length: number): string => name.slice(0, length).replace(/[-.]+$/, '');
