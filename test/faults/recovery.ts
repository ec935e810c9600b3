/** How soon what was in flight at a kill was taken up again, by the times of the attempts in Postgres. */
import { heldBackOf } from './calls-of-attempts.js';
import type { Evidence } from './evidence.js';

/** Beyond the lease: a look of the dispatcher every 5 to 6 s, the queue, and a machine that does other things too. */
const BEYOND_LEASE_MS = 15_000;
/** How long a batch that was only handed out is held. */
const CLAIM_MS = 6_000;

export interface Recovery {
  /** For every item in flight at a kill, milliseconds until it was taken up again. */
  readonly takenUpMs: readonly number[];
  /** The same where more kills came in between: milliseconds since the last of them. */
  readonly disturbedAgainMs: readonly number[];
  /** Those that were late, in words. */
  readonly late: readonly string[];
}

/** Moments at which a worker was ready and none had been: before them there was nobody to take anything up. */
function firstWorkers({ processes }: Evidence): number[] {
  const workers = processes.filter(({ works }) => works);
  return workers.flatMap(({ readyMs }) => {
    if (readyMs === null) return [];
    const company = workers.some(
      (one) => one.readyMs !== null && one.readyMs < readyMs && (one.endMs ?? Infinity) > readyMs,
    );
    return company ? [] : [readyMs];
  });
}

/**
 * The clock of an item starts with the kill, or when a worker is there again. It starts anew with each kill before the item is
 * taken up: then its next call was killed too, or the batch in which it waited, whose claim lasts 6 s in place of the lease.
 */
export function measureRecovery(evidence: Evidence): Recovery {
  const { attempts, disturbed, timings, steeredByHand, items } = evidence;
  const kills = disturbed.filter(({ kill }) => kill).map(({ fromMs }) => fromMs);
  const leaseMs = timings.timeoutMs + timings.marginMs;
  const steered = new Set(items.filter(({ requestId }) => steeredByHand.has(requestId)).map(({ id }) => id));
  const heldBack = heldBackOf(evidence);
  const nobodyUntil = firstWorkers(evidence);
  const takenUpMs: number[] = [];
  const disturbedAgainMs: number[] = [];
  const late: string[] = [];
  for (const lost of attempts.filter((one) => one.verdict === 'interrupted' && !heldBack.has(one.id))) {
    const killedAtMs = kills.filter((at) => at >= lost.startedMs && at <= (lost.endedMs ?? Infinity));
    if (killedAtMs.length === 0) continue;
    for (const itemId of lost.itemIds.filter((id) => !steered.has(id))) {
      const next = attempts.find((one) => one.startedMs > lost.startedMs && one.itemIds.includes(itemId));
      if (!next) {
        late.push(`item ${itemId} was never taken up again`);
        continue;
      }
      const before = kills.filter((at) => at >= lost.startedMs && at <= next.startedMs);
      const since = nobodyUntil.filter((at) => at >= lost.startedMs && at <= next.startedMs);
      const tookMs = next.startedMs - Math.max(...before, ...since);
      (before.length > 1 ? disturbedAgainMs : takenUpMs).push(tookMs);
      const heldMs = before.length > 1 ? Math.max(leaseMs, CLAIM_MS) : leaseMs;
      if (tookMs > heldMs + BEYOND_LEASE_MS)
        late.push(`item ${itemId} was taken up again after ${Math.round(tookMs)} ms`);
    }
  }
  return { takenUpMs, disturbedAgainMs, late };
}
