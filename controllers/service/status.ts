/** What the service controller reports: how many serve, and why others have no place. */

import { timestamp } from '../../api/clock.ts';
import { withCondition } from '../../api/conditions.ts';
import type { Service, ServiceCondition, ServiceStatus } from '../../api/kinds/service.ts';
import { noPlaceMessage } from '../placement/reasons.ts';
import type { Facts } from './facts.ts';
import type { State } from './machine.ts';

type NextCondition = Omit<ServiceCondition, 'lastTransitionTime'>;

export function statusOf(service: Service, facts: Facts, _state: State, nowMs: number): ServiceStatus {
  const { generation } = service.metadata;
  const now = timestamp(nowMs);
  const conditions = [available(facts, generation), placed(facts, generation)].reduce<ServiceCondition[]>(
    (list, condition) => withCondition(list, condition, now),
    [...service.status.conditions],
  );
  const { ready, filled: replicas, replicas: wanted } = facts;
  return { ready, wanted, replicas, observedGeneration: generation, conditions };
}

function available({ ready, replicas, updates }: Facts, observedGeneration: number): NextCondition {
  const update = updates.failure === undefined ? '' : `; ${updates.failure}`;
  const message = `${ready} of ${replicas} are healthy and routed${update}`;
  return ready >= replicas
    ? { type: 'Available', status: 'True', reason: 'AllHealthy', message, observedGeneration }
    : { type: 'Available', status: 'False', reason: 'TooFewHealthy', message, observedGeneration };
}

function placed(facts: Facts, observedGeneration: number): NextCondition {
  const { unplaced, backingOff, replicas } = facts;
  const type = 'Placed';
  if (unplaced) {
    const message = `${unplaced.slots} of ${replicas} wait: ${noPlaceMessage(unplaced.reasons)}`;
    return { type, status: 'False', reason: 'NoPlace', message, observedGeneration };
  }
  const [first] = backingOff;
  if (first) {
    const others = backingOff.length > 1 ? `, and ${backingOff.length - 1} more wait` : '';
    const times = first.failures === 1 ? 'once' : `${first.failures} times in a row`;
    const next = timestamp(first.untilMs);
    const message = `slot ${first.slot} failed ${times}, the last was ${first.alloc} (${first.message}); next start at ${next}${others}`;
    return { type, status: 'False', reason: 'BackingOff', message, observedGeneration };
  }
  const message = 'every replica has a node';
  return { type, status: 'True', reason: 'AllPlaced', message, observedGeneration };
}
