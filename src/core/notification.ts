/** Notifications out: what is told of, in which words, and when a message that was not taken goes out again. */

export const NOTIFICATION_EVENTS = [
  'request.completed',
  'request.attention',
  'request.due_soon',
  'request.overdue',
  'system.blocked',
] as const;
export type NotificationEvent = (typeof NOTIFICATION_EVENTS)[number];

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** Between one attempt and the next, by Standard Webhooks 1.0.0: ten attempts over three days. */
export const RETRY_DELAYS_MS: readonly number[] = [
  5 * SECOND_MS,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  14 * HOUR_MS,
  20 * HOUR_MS,
  24 * HOUR_MS,
];
/** What the jitter adds at most, as a part of the delay: messages that failed together do not return together. */
const JITTER = 0.1;
/** The longest that an endpoint may put its messages off with one Retry-After. */
export const RETRY_AFTER_MAX_MS = 24 * HOUR_MS;

/**
 * Milliseconds until the next attempt after `tries` have failed (1 is the first), or null when that was the last.
 * `random` is uniform in [0, 1); `retryAfterMs` is what the endpoint asked for, or null. The result is at least the
 * step of the schedule, and at least what was asked for, up to a day.
 */
export function retryDelayMs(tries: number, random: number, retryAfterMs: number | null): number | null {
  const stepMs = RETRY_DELAYS_MS[tries - 1];
  if (stepMs === undefined) return null;
  const askedMs = Math.min(Math.max(retryAfterMs ?? 0, 0), RETRY_AFTER_MAX_MS);
  return Math.max(Math.floor(stepMs * (1 + JITTER * random)), askedMs);
}

/** Statuses whose Retry-After is honoured: the endpoint, or what stands before it, has too much to do. */
const BUSY_STATUSES: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** What an HTTP status means: only 2xx is taken, a redirect is a failure like any other, 410 is the end. */
export type Reception = 'taken' | 'gone' | 'busy' | 'refused';

export function reception(status: number): Reception {
  if (status >= 200 && status < 300) return 'taken';
  if (status === 410) return 'gone';
  return BUSY_STATUSES.has(status) ? 'busy' : 'refused';
}

/** What a notification says of a request: nothing personal. */
export interface RequestFacts {
  readonly requestId: string;
  readonly status: string;
  readonly source: string;
  readonly receivedAt: string;
  readonly dueAt: string;
  readonly settledAt: string | null;
  readonly counts: Readonly<Record<string, number>>;
  readonly warnings: readonly { readonly code: string; readonly system: string }[];
}

/** What a notification says of a gate that only a person opens. */
export interface SystemFacts {
  readonly system: string;
  readonly provider: string;
  readonly reason: string;
  readonly since: string;
}

/** The bytes of a message, as text: `{type, timestamp, data}` by Standard Webhooks. `at` is when it happened. */
export function messageBody(type: NotificationEvent, at: Date, data: RequestFacts | SystemFacts): string {
  return JSON.stringify({ type, timestamp: at.toISOString(), data });
}
