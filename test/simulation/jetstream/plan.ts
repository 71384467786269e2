/** The NATS servers and the mill servers of a simulated cluster, and what goes wrong between them. */
import type { SendingMode } from '../../../runtime/store/jetstream/stream.ts';
import { between, integer, pick, type Random } from '../randomness.ts';

export interface NatsPlan {
  readonly replicas: 1 | 3;
  readonly mode: SendingMode;
  /** Of one replica: the pipeline gives way to batches for so long, and comes back for as long; absent: it stays. */
  readonly togetherForMs?: number;
  /** As nats-server 2.10 does, and 2.15 does not. */
  readonly looksForDuplicatesFirst: boolean;
  /** Mill servers. */
  readonly servers: number;
}

export type NatsFault =
  /** SIGKILL; all of them: a power cut. */
  | { readonly do: 'killNats'; readonly which: 'leader' | 'any' | 'all'; readonly forMs: number }
  /** SIGSTOP and SIGCONT. */
  | { readonly do: 'stopNats'; readonly which: 'leader' | 'any'; readonly forMs: number }
  /** Between all mill servers and NATS. */
  | {
      readonly do: 'badWays';
      readonly way: { latencyMs: number; lostAnswers: number; late: number };
      readonly forMs: number;
    }
  | { readonly do: 'cutOff'; readonly server: number; readonly forMs: number }
  | {
      readonly do: 'badTail';
      readonly server: number;
      readonly tail: { lagMs: number; breaks: number };
      readonly forMs: number;
    }
  /** A mill server is stopped, and goes on. */
  | { readonly do: 'stopServer'; readonly server: number; readonly forMs: number };

export function drawNats(random: Random): NatsPlan {
  const replicas = random() < 0.3 ? 1 : 3;
  const replicated: SendingMode = random() < 0.7 ? 'batches' : 'serial';
  return {
    replicas,
    mode: replicas === 1 ? 'pipelined' : replicated,
    looksForDuplicatesFirst: random() < 0.3,
    servers: integer(random, 2, 3),
  };
}

/** The same, where records may go out in both ways. */
export function drawTogether(random: Random, plan: NatsPlan): NatsPlan {
  if (plan.replicas !== 1 || random() < 0.5) return plan;
  return { ...plan, togetherForMs: Math.round(between(random, 50, 2_000)) };
}

export function drawNatsFault(random: Random, { servers }: Pick<NatsPlan, 'servers'>): NatsFault {
  const server = integer(random, 0, servers - 1);
  const forMs = Math.round(between(random, 100, 6_000));
  switch (integer(random, 0, 9)) {
    case 0:
      return { do: 'killNats', which: 'leader', forMs };
    case 1:
      return { do: 'killNats', which: pick(random, ['any', 'all']), forMs };
    case 2:
      return { do: 'stopNats', which: pick(random, ['leader', 'leader', 'any']), forMs: 2 * forMs };
    case 3:
    case 4: {
      const way = {
        latencyMs: random() < 0.5 ? 1 : between(random, 2, 200),
        lostAnswers: random() < 0.5 ? 0 : between(random, 0.05, 0.4),
        late: random() < 0.5 ? 0 : between(random, 0.02, 0.2),
      };
      return { do: 'badWays', way, forMs };
    }
    case 5:
    case 6:
      return { do: 'cutOff', server, forMs };
    case 7: {
      const tail = {
        lagMs: random() < 0.3 ? 0 : between(random, 5, 3_000),
        breaks: random() < 0.4 ? 0 : between(random, 0.02, 0.3),
      };
      return { do: 'badTail', server, tail, forMs };
    }
    default:
      return { do: 'stopServer', server, forMs };
  }
}
