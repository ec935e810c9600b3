/** Which call of the provider's ledger each attempt on record was: at most one each, and none of nobody. */
import type { SandboxCall } from '../../src/sandbox/ledger.js';
import type { AttemptRow, Evidence } from './evidence.js';

/** Postgres and the ledger read the same clock; the ledger's is cut to whole milliseconds. */
const CLOCKS_MS = 3;
/** How much later than its last permitted moment a call may be seen, when the machine is busy. */
const BUSY_MS = 1500;

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
    const mayBe = (byContent.get(contentKey(call.system ?? '', call.ids)) ?? []).filter(
      ({ id, startedMs }) =>
        !of.has(id) && startedMs <= call.atMs + CLOCKS_MS && call.atMs <= startedMs + timings.marginMs + BUSY_MS,
    );
    const found = likeliest(call, mayBe);
    if (found === undefined) stray.push(call);
    else of.set(found.id, call);
  }
  return { of, stray };
}

/**
 * Of an item only one call is under way at a time: where several attempts remain, they are of requests that hold the same IDs.
 * Theirs are told apart by the status on record, and by the end, which is written soon after the call's own.
 */
function likeliest(call: SandboxCall, attempts: readonly AttemptRow[]): AttemptRow | undefined {
  const goesOn = attempts.filter(({ endedMs }) => (endedMs ?? Infinity) >= call.atMs - CLOCKS_MS);
  const callEndMs = call.endedAtMs ?? Infinity;
  const unlikely = ({ httpStatus, endedMs }: AttemptRow): number[] => {
    const afterMs = (endedMs ?? Infinity) - callEndMs;
    return [Number(httpStatus !== call.status), Number(afterMs < -CLOCKS_MS), Math.abs(afterMs)];
  };
  const ranked = (goesOn.length > 0 ? goesOn : attempts)
    .map((attempt) => ({ attempt, rank: unlikely(attempt) }))
    .sort((a, b) => a.rank.map((one, no) => one - (b.rank[no] ?? 0)).find((by) => by !== 0 && !Number.isNaN(by)) ?? 0);
  return ranked[0]?.attempt;
}

/**
 * Attempts of which the ledger says that the sender itself held the call back, because it could no longer be sure of its
 * lease: nothing left us then, and it counts as no attempt of an item. That the provider saw none is for `checkRepeats`.
 */
export function heldBackOf({ attempts, ledger }: Pick<Evidence, 'attempts' | 'ledger'>): ReadonlySet<string> {
  const interrupted = new Set(
    attempts.filter(({ verdict, late }) => verdict === 'interrupted' && !late).map(({ id }) => id),
  );
  const heldBack = new Set<string>();
  for (const { body } of ledger.events) {
    const { type, data } = JSON.parse(body) as { type: string; data: { attempt?: string; effect?: string | null } };
    if (type === 'call' && data.effect === 'none' && data.attempt !== undefined && interrupted.has(data.attempt))
      heldBack.add(data.attempt);
  }
  return heldBack;
}

function contentKey(system: string, ids: readonly string[]): string {
  return JSON.stringify([system, ...ids.toSorted()]);
}
