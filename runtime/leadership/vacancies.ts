/** Which roles nobody leads, and which of them fall to this server now. */
import type { Clock } from '../../api/clock.ts';
import type { Reader } from '../../api/store.ts';
import { assign, type Counts, countsOf } from './assignment.ts';
import type { Vacancy } from './changes.ts';
import type { ServerSight } from './sight.ts';
import { SECOND_CHOICE_AFTER_MS, SECOND_CHOICE_PER_ROLE_MS } from './timing.ts';

export interface VacanciesOptions {
  readonly state: Reader;
  readonly sight: ServerSight;
  /** Steady: times are compared with one another only. */
  readonly clock: Clock;
  readonly server: string;
  readonly session: string;
  readonly roles: readonly string[];
}

export class Vacancies {
  readonly #options: VacanciesOptions;
  /** Since when a role could be taken. */
  readonly #since = new Map<string, number>();

  constructor(options: VacanciesOptions) {
    this.#options = options;
  }

  /** Roles that are free, whose leader is dead, or that an earlier run of this server led. */
  find(): readonly Vacancy[] {
    const { state, sight, server, session, roles } = this.#options;
    return roles.flatMap((role) => {
      const { server: leader, session: run, term = 0 } = state.get('Leadership', role)?.spec ?? {};
      const isVacant = leader === server ? run !== session : leader === undefined || sight.isDead(leader);
      if (!isVacant) this.#since.delete(role);
      if (!isVacant) return [];
      const leaseRevision = leader === undefined ? undefined : sight.leaseRevision(leader);
      return [{ role, leader, term, leaseRevision }];
    });
  }

  /** Those that fall to this server at once, and those that the one that they fall to does not take. */
  due(vacancies: readonly Vacancy[]): readonly Vacancy[] {
    const { server, sight, clock } = this.#options;
    const own = vacancies.filter(({ leader }) => leader === server);
    const others = vacancies.filter(({ leader }) => leader !== server).map(({ role }) => role);
    const counts = this.counts(new Set(others));
    const assigned = assign(others, sight.live(), counts);
    const patienceMs = SECOND_CHOICE_AFTER_MS + SECOND_CHOICE_PER_ROLE_MS * (counts.get(server) ?? 0);
    const nowMs = clock.now();
    return vacancies.filter((vacancy) => {
      const sinceMs = this.#since.get(vacancy.role) ?? nowMs;
      this.#since.set(vacancy.role, sinceMs);
      return own.includes(vacancy) || assigned.get(vacancy.role) === server || nowMs - sinceMs >= patienceMs;
    });
  }

  /** How many roles each server leads. @param without roles whose leaders do not count */
  counts(without: ReadonlySet<string> = new Set()): Counts {
    const { state, roles } = this.#options;
    const led = roles.filter((role) => !without.has(role));
    return countsOf(led.map((role) => state.get('Leadership', role)?.spec.server));
  }
}
