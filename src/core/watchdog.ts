/**
 * When a worker must think itself stuck: due work goes nowhere, though nothing but a worker could be the reason. A slow
 * provider, a closed gate, a full house or a database that is away never count: a false alarm would end calls in flight
 * again and again.
 */

/** What one look at a system shows; all times in milliseconds, by the database's clock unless said otherwise. */
export interface Sight {
  /** For how long calls could have gone out: its gate open, or a probe due. Null: none may, or it is not configured. */
  readonly passableMs: number | null;
  /** For how long an item that may go has been due and in nobody's batch. Null: there is none that is due so long. */
  readonly waitingMs: number | null;
  /** Batches that somebody holds: they are why an item must wait for room. */
  readonly live: number;
  /** How long the oldest lease has been over, without anybody ringing for its batch again or giving it up; or null. */
  readonly overMs: number | null;
  /** Where calls a minute are limited: how long its provider has been called by nobody. Null: no such limit. */
  readonly quietMs: number | null;
  /** By this process's clock: over what time its queue brought nothing while batches came back untaken; or null. */
  readonly undeliveredMs: number | null;
}

export type Complaint = 'not_handed_out' | 'not_given_up' | 'not_delivered';

/** Twice the window in which calls are counted: room must have come back by then. */
const QUIET_MS = 120_000;

/** What is wrong at a system at this moment, or null. One look alone proves nothing: see `watched`. */
export function complaint(sight: Sight, limitMs: number): Complaint | null {
  if (sight.overMs !== null && sight.overMs >= limitMs) return 'not_given_up';
  if (sight.undeliveredMs !== null && sight.undeliveredMs >= limitMs) return 'not_delivered';
  const mayGo = sight.passableMs !== null && sight.passableMs >= limitMs;
  const room = sight.live === 0 && (sight.quietMs === null || sight.quietMs >= Math.max(limitMs, QUIET_MS));
  return mayGo && room && sight.waitingMs !== null && sight.waitingMs >= limitMs ? 'not_handed_out' : null;
}

/** An unbroken row of looks that all showed something wrong, by a clock that never goes back. */
export interface Watch {
  /** When the row began, or null where the last look showed nothing wrong. */
  readonly sinceMs: number | null;
  readonly lookedMs: number;
}

/**
 * The watch after a look. A look that could not be made (the database is away) is `seen: null`, and breaks the row like
 * one that shows nothing wrong: what was due all along may be old the moment the database is back. So does a gap between
 * two looks, after which this process itself was away.
 */
export function watched(before: Watch | null, seen: Complaint | null, nowMs: number, gapMaxMs: number): Watch {
  if (seen === null) return { sinceMs: null, lookedMs: nowMs };
  const unbroken = before !== null && before.sinceMs !== null && nowMs - before.lookedMs <= gapMaxMs;
  return { sinceMs: unbroken ? before.sinceMs : nowMs, lookedMs: nowMs };
}

/** True when something was wrong at every look for at least `graceMs`: time enough for the tick to have mended it. */
export function isStuck(watch: Watch, graceMs: number): boolean {
  return watch.sinceMs !== null && watch.lookedMs - watch.sinceMs >= graceMs;
}
