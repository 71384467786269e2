/** Bugs in the store on NATS, and in how several servers share it. */
import type { Mutant } from '../mutant.ts';

const engine = 'jetstream';

export const jetstream: readonly Mutant[] = [
  {
    name: 'head-not-rolled-back',
    file: 'runtime/store/jetstream/committer.ts',
    what: 'what was decided and then overtaken stays in the state on which the next commits are decided',
    find: '    this.#options.head.rollBack();\n',
    replace: '',
    engine,
  },
  {
    name: 'settled-object-kept',
    file: 'runtime/store/head.ts',
    what: 'what was committed here hides, from the next decisions, what other servers commit over it',
    find: 'if (pending?.get(metadata.name) === change) pending.delete(metadata.name);',
    replace: '',
    engine,
  },
  {
    name: 'unknown-outcome-told-as-failed',
    file: 'runtime/store/jetstream/committer.ts',
    what: 'a commit that was sent and has no answer is answered as not committed',
    find: 'if (isLate(waiting, nowMs)) waiting.fail(unknownOutcome());',
    replace: 'if (isLate(waiting, nowMs)) waiting.fail(notNow());',
    engine,
  },
  {
    name: 'wrong-last-sequence-believed',
    file: 'runtime/store/jetstream/committer.ts',
    what: '"wrong last sequence" counts as not committed, without a look at the log',
    find: '      this.#resending.begin();\n    else {',
    replace:
      "      outcome.type === 'overtaken' ? (this.#void('overtaken'), this.#departures.schedule()) : this.#resending.begin();\n    else {",
    engine,
  },
  {
    name: 'lost-record-not-sent-again',
    file: 'runtime/store/jetstream/departures.ts',
    what: 'what has no answer is never sent again',
    find: 'if (flight.isSent && !flight.isVoid) this.#send(flight);',
    replace: 'if (flight.isSent && flight.isVoid) this.#send(flight);',
    engine,
  },
  {
    name: 'resend-from-the-first',
    file: 'runtime/store/jetstream/sending.ts',
    what: 'records that go one by one are sent again from the first one, which is there already',
    find: 'let from = Math.max(0, feed.position - base);',
    replace: 'let from = 0;',
    engine: 'drill',
  },
  {
    name: 'unfinished-commit-left',
    file: 'runtime/store/jetstream/feed.ts',
    what: 'a commit whose server died in the middle of it is not finished by the others before they write',
    find: 'return this.#parts && this.position < this.#end\n',
    replace: 'return this.#parts && this.position > this.#end\n',
    engine,
  },
  {
    name: 'handed-over-premise-unchecked',
    file: 'runtime/store/jetstream/handed-over.ts',
    what: 'the writer commits what others decided without a look at whether that still holds',
    find: 'feed.hasSeenAllSince(reads.revision) && holds(reads, head)',
    replace:
      'feed.hasSeenAllSince(reads.revision) && holds({ ...reads, objects: [], keys: [], kinds: [] }, head)',
    engine,
  },
  {
    name: 'handed-over-attempt-not-looked-for',
    file: 'runtime/store/jetstream/hand-over.ts',
    what: 'a server whose writer does not answer commits by itself, whatever became of what it handed over',
    find: "if (writes.length === 0) return { type: 'elsewhere' };",
    replace: "if (writes.length >= 0) return { type: 'elsewhere' };",
    engine,
  },
  {
    name: 'ended-attempt-committed-late',
    file: 'runtime/store/jetstream/handed-over.ts',
    what: 'the writer commits what was handed to it long after its sender has gone on by itself',
    find: 'const isCurrent = !isEnded && feed.hasSeenAllSince(reads.revision) && holds(reads, head);',
    replace: 'const isCurrent = (isEnded || !isEnded) && holds(reads, head);',
    engine: 'drill',
  },
  {
    name: 'tail-skips-after-break',
    file: 'runtime/store/jetstream/log-copy.ts',
    what: 'a copy that was cut off goes on one record too late',
    find: 'return this.feed.position;',
    replace: 'return this.#isLoaded ? this.feed.position + 1 : this.feed.position;',
    engine,
  },
  {
    name: 'term-unchecked',
    file: 'api/rules/leadership.ts',
    what: 'a server that was followed by another goes on writing as the leader',
    find: 'if (spec?.term === term && spec.server !== undefined) return;',
    replace: 'if (term > 0) return;',
    engine,
  },
];
