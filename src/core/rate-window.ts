/** How often something may be done in a window of time: what one process knows of the count that all of them share. */

/** What the service lets callers do. */
export interface Limits {
  /** Wrong keys from one address, in a minute. */
  readonly authFailuresPerMinute: number;
  /** Requests with one key, in a minute. */
  readonly keyRequestsPerMinute: number;
  /** How many reverse proxies in front of the API add to X-Forwarded-For; 0: the header is not read. */
  readonly trustedProxies: number;
}

/** The window as this process knows it. Times are of one clock, in milliseconds. */
export interface RateWindow {
  /** Hits of all processes, as the shared count last said; ours up to then among them. */
  readonly shared: number;
  /** Our hits that the shared count has not seen yet. */
  readonly own: number;
  readonly endsAtMs: number;
}

/** What a hit comes to. */
export interface Hit {
  readonly window: RateWindow;
  /** How many hits the window has, this one included if it was let pass. */
  readonly hits: number;
  /** The hit is one too many. It is not counted: asking in vain does not make the wait longer. */
  readonly over: boolean;
  /** Whole seconds, at least 1, until the window ends. */
  readonly secondsLeft: number;
}

/** The hits of a window that is still running; none when it is over. */
export function hitsOf(window: RateWindow | undefined, nowMs: number): number {
  return window === undefined || window.endsAtMs <= nowMs ? 0 : window.shared + window.own;
}

/** One more hit at `nowMs`, of at most `limit` in a window of `lengthMs` that begins with its first hit. */
export function hit(before: RateWindow | undefined, limit: number, lengthMs: number, nowMs: number): Hit {
  const window =
    before === undefined || before.endsAtMs <= nowMs ? { shared: 0, own: 0, endsAtMs: nowMs + lengthMs } : before;
  const hits = window.shared + window.own;
  const over = hits >= limit;
  const secondsLeft = Math.max(1, Math.ceil((window.endsAtMs - nowMs) / 1000));
  return over
    ? { window, hits, over, secondsLeft }
    : { window: { ...window, own: window.own + 1 }, hits: hits + 1, over, secondsLeft };
}

/** What the shared count said, `sent` of our hits counted in it, into what is known here. */
export function merged(
  window: RateWindow,
  sent: number,
  said: { readonly hits: number; readonly endsAtMs: number },
): RateWindow {
  return { shared: said.hits, own: Math.max(0, window.own - sent), endsAtMs: said.endsAtMs };
}
