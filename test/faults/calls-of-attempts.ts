/** Which call of the provider's ledger each attempt on record was: at most one each, and none of nobody. */
import type { SandboxCall } from '../../src/sandbox/ledger.js';
import type { AttemptRow, Evidence } from './evidence.js';

/** Postgres and the ledger read the same clock; the ledger's is cut to whole milliseconds. */
const CLOCKS_MS = 3;
/** How much later than its last permitted moment a call may be seen, when the machine is busy. */
const BUSY_MS = 1500;
/** A lease begins when its batch is taken, a little before its attempt is written. */
const TAKEN_BEFORE_MS = 700;

export interface CallsOfAttempts {
  readonly of: ReadonlyMap<string, SandboxCall>;
  /** Calls that no attempt on record accounts for. */
  readonly stray: readonly SandboxCall[];
}

/** Matches them by system, by exactly the IDs carried, and by the time in which the attempt may have sent. */
export function callsOf({ attempts, items, calls, timings }: Evidence): CallsOfAttempts {
  const names = new Map(items.map((item) => [item.id, item.externalId]));
  const byContent = new Map<string, AttemptRow[]>();
  for (const attempt of attempts) {
    const ids = new Set(attempt.itemIds.map((id) => names.get(id) ?? `unknown item ${id}`));
    const key = contentKey(attempt.system, [...ids]);
    byContent.set(key, [...(byContent.get(key) ?? []), attempt]);
  }
  const of = new Map<string, SandboxCall>();
  const stray: SandboxCall[] = [];
  for (const call of calls) {
    const found = (byContent.get(contentKey(call.system ?? '', call.ids)) ?? []).findLast(
      ({ id, startedMs }) =>
        !of.has(id) && startedMs <= call.atMs + CLOCKS_MS && call.atMs <= startedMs + timings.marginMs + BUSY_MS,
    );
    if (found === undefined) stray.push(call);
    else of.set(found.id, call);
  }
  return { of, stray };
}

/**
 * Whether the sender itself held the call back, because it could no longer be sure of its lease: it says so at once, while
 * a call that was lost is found only when its lease is over. Nothing left us then, and it counts as no attempt of an item.
 */
export function wasHeldBack(attempt: AttemptRow, { timings }: Pick<Evidence, 'timings'>): boolean {
  const { verdict, startedMs, endedMs, late } = attempt;
  const leaseMs = timings.timeoutMs + timings.marginMs;
  return verdict === 'interrupted' && !late && endedMs !== null && endedMs < startedMs + leaseMs - TAKEN_BEFORE_MS;
}

function contentKey(system: string, ids: readonly string[]): string {
  return JSON.stringify([system, ...ids.toSorted()]);
}
