/** Exponential back-off with full jitter: the whole step is random, so that many waiting items do not return together. */

export const BACKOFF_CAP_MS = 15 * 60 * 1000;

/**
 * Milliseconds to wait before the `step`-th try again (1 is the first). `random` is uniform in [0, 1). The result lies
 * in [0, min(cap, base * 2^(step-1))].
 */
export function backoffMs(step: number, baseMs: number, random: number, capMs: number = BACKOFF_CAP_MS): number {
  const ceilingMs = Math.min(capMs, baseMs * 2 ** Math.min(Math.max(step - 1, 0), 30));
  return Math.floor(ceilingMs * random);
}
