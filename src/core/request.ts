/** A request as a whole: its status out of its counts, and the day the law wants it done. */
import type { Outcome } from './item.js';

export const STATUSES = ['queued', 'running', 'completed', 'attention', 'cancelled'] as const;
export type Status = (typeof STATUSES)[number];

/** How many items of a request stand at each outcome; `resolved` of the failed and unconfirmed ones were closed by a person. */
export type Counts = Readonly<Record<Outcome, number>> & { readonly resolved: number };

/** The status of a request with these counts. `started`: a first call was made. The database derives the same in SQL. */
export function requestStatus(counts: Counts, started: boolean): Status {
  if (counts.pending > 0) return started ? 'running' : 'queued';
  if (counts.cancelled > 0) return 'cancelled';
  return counts.failed + counts.unconfirmed > counts.resolved ? 'attention' : 'completed';
}

/**
 * The last moment, in UTC, at which a request received at `receivedAt` is in time: one month by Regulation (EEC,
 * Euratom) 1182/71 art. 3(2)(c): the same-numbered day of the next month, or that month's last day where it has no such
 * day. The extension over weekends and holidays of art. 3(4) is not taken: the earlier date is always safe.
 */
export function dueDate(receivedAt: Date): Date {
  const year = receivedAt.getUTCFullYear();
  const month = receivedAt.getUTCMonth() + 1;
  const lastDay = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  const day = Math.min(receivedAt.getUTCDate(), lastDay);
  return new Date(Date.UTC(year, month, day, 23, 59, 59, 999));
}
