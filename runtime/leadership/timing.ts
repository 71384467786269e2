/**
 * How fast leaderships move. From the last heartbeat that a server got through, it stops what it leads after
 * `FENCE_AFTER_MS`, and the others take over after `DEAD_AFTER_MS`: 0.7 s later at least, as they count from when they
 * saw that heartbeat. A server that was killed is followed within `DEAD_AFTER_MS + TICK_MS` and a commit: under 3 s.
 */

/** Between two heartbeats. */
export const RENEW_EVERY_MS = 400;
/** A server that got no heartbeat through for so long stops what it leads: two may be lost, three are too many. */
export const FENCE_AFTER_MS = 1_300;
/** A server that was not heard from for so long has stopped what it led. */
export const DEAD_AFTER_MS = 2_000;
/**
 * A server whose lease vanished with the memory that it was in (all NATS servers were restarted) is given so long to
 * say that it is there: longer than its connection needs to come back.
 */
export const VANISHED_AFTER_MS = 10_000;
/** Who does not see its own heartbeats come back sees nobody's, and holds no silence against anybody. */
export const BLIND_AFTER_MS = 2 * RENEW_EVERY_MS;
/** How often the silences are counted. */
export const TICK_MS = 200;
/** The most that one tick counts for: what was not watched (a machine that stood still, a clock put forward) is no silence. */
export const MAX_TICK_MS = 2 * TICK_MS;
/** Who should take a role over gets this long before another does, which waits longer the more it leads. */
export const SECOND_CHOICE_AFTER_MS = 300;
export const SECOND_CHOICE_PER_ROLE_MS = 20;
/** A server is given roles of others when it has lived for so long: one that keeps dying would only spread its trouble. */
export const SETTLED_AFTER_MS = 10_000;
/** Between two roles that a server gives away to one that leads less: each restarts a controller. */
export const BALANCE_EVERY_MS = 1_000;
/** The lease of a server that has been dead for so long is cleared away. */
export const CLEAR_AFTER_MS = 10_000;
/** A server that stops gives its roles up within this time, or leaves them to run out: a store that is gone must not hold it. */
export const GIVE_UP_WITHIN_MS = 2_000;

/** Of a server that shares its store with nobody: nobody waits for its heartbeats, they only say that it is there. */
export const RENEW_ALONE_EVERY_MS = 5_000;
