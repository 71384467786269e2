/** A change of the store in a few words. */
import type { AnyObject } from '../../api/kinds/index.ts';
import type { Change } from '../../api/store.ts';

export function summary({ type, object, revision }: Change): string {
  const sign = type === 'added' ? '+' : type === 'deleted' ? '-' : ' ';
  return `${revision} ${sign}${object.kind} ${object.metadata.name} ${type === 'deleted' ? '' : describe(object)}`.trimEnd();
}

function describe(object: AnyObject): string {
  switch (object.kind) {
    case 'Alloc': {
      const { node, desired, stopReason, replaces } = object.spec;
      const { phase, reason, route } = object.status;
      return words([`on ${node}`, desired, stopReason, replaces && `for ${replaces}`, phase, reason, route]);
    }
    case 'Node': {
      const { drain, removed, drainPolicy } = object.spec;
      const { phase, drain: report } = object.status;
      const step = report && `${report.step} ${report.services.done}/${report.services.total}`;
      return words([phase, drain && `drain #${drainPolicy.attempt}`, removed && 'removed', step]);
    }
    case 'Volume': {
      const { phase, node, mounted, message } = object.status;
      return words([
        phase,
        `wanted ${object.spec.node ?? '-'}`,
        node && `at ${node}`,
        mounted && 'mounted',
        message,
      ]);
    }
    case 'Migration': {
      const { reason, cancelled } = object.spec;
      const { phase, target, failure } = object.status;
      return words([reason, phase, target && `to ${target}`, cancelled && 'cancelled', failure?.reason]);
    }
    case 'Service':
      return words([
        `${object.status.ready}/${object.spec.replicas}`,
        `generation ${object.metadata.generation}`,
      ]);
    case 'Task':
      return object.status.phase;
    case 'Endpoints':
      return object.spec.allocs.join(' ');
    case 'Peer':
      return words([object.spec.allowedIPs.join(' '), object.spec.withdrawn && 'withdrawn']);
    case 'Credential':
      return object.spec.revoked ? 'revoked' : '';
    default:
      return '';
  }
}

const words = (parts: readonly (string | false | undefined)[]): string => parts.filter(Boolean).join(' ');
