/** I6: without a fault one call an item; with faults, one more only for a call that was lost or answered badly. */
import { callsOf, heldBackOf } from './calls-of-attempts.js';
import type { CallsOfAttempts } from './calls-of-attempts.js';
import type { AttemptRow, Disturbed, Evidence } from './evidence.js';

/** A crash is noticed by us a little after it happened. */
const NOTICED_MS = 300;

/** A line for every call too many. */
export function checkRepeats(evidence: Evidence): string[] {
  const calls = callsOf(evidence);
  const heldBack = heldBackOf(evidence);
  const carrying = new Map<string, AttemptRow[]>();
  for (const attempt of evidence.attempts) {
    for (const id of attempt.itemIds) carrying.set(id, [...(carrying.get(id) ?? []), attempt]);
  }
  return [
    ...needlessRepeats(evidence, calls, heldBack, carrying),
    ...unrecordedCalls(evidence, carrying),
    ...lostAtEachKill(evidence, calls, heldBack),
  ];
}

/** Every attempt but an item's last needs a reason for the next. */
function needlessRepeats(
  evidence: Evidence,
  calls: CallsOfAttempts,
  heldBack: ReadonlySet<string>,
  carrying: ReadonlyMap<string, readonly AttemptRow[]>,
): string[] {
  const lines: string[] = [];
  const crashes = evidence.disturbed.filter(({ losesCalls }) => losesCalls);
  for (const item of evidence.items) {
    const own = carrying.get(item.id) ?? [];
    const unsent = own.filter(({ id }) => heldBack.has(id));
    for (const { id } of unsent) {
      if (calls.of.has(id)) lines.push(`attempt ${id} is on record as held back, and the provider saw its call`);
    }
    const counted = own.length - unsent.length;
    if (counted !== item.attempts) lines.push(`item ${item.id} counts ${item.attempts} calls and stands in ${counted}`);
    if (evidence.steeredByHand.has(item.requestId)) continue;
    for (const attempt of own.slice(0, -1)) {
      const excused =
        unsent.includes(attempt) || isExcused(attempt, calls, evidence) || crashes.some((one) => meet(attempt, one));
      const name = `${item.system} ${item.externalId}`;
      if (!excused)
        lines.push(`${name} was called again, and attempt ${attempt.id} (${attempt.verdict}) needed no repeat`);
    }
  }
  return lines;
}

/** The provider did badly, or the machine was so slow that the answer was late: each by the ledger or the record. */
function isExcused(attempt: AttemptRow, calls: CallsOfAttempts, { timings }: Evidence): boolean {
  const made = calls.of.get(attempt.id);
  if (attempt.late) return true;
  if (made === undefined) return attempt.verdict !== 'answered' && attempt.verdict !== 'interrupted';
  if (made.faults.some((fault) => !fault.startsWith('latency'))) return true;
  // The time for a call begins once its attempt stands on record: an answer within that time is read.
  const inTime = (made.endedAtMs ?? Infinity) < attempt.startedMs + timings.timeoutMs;
  return attempt.verdict === 'unclear' && (made.delivered === false || !inTime);
}

function unrecordedCalls({ calls, items }: Evidence, carrying: ReadonlyMap<string, readonly AttemptRow[]>): string[] {
  const attempts = new Map<string, Set<string>>();
  for (const item of items) {
    const name = `${item.system} ${item.externalId}`;
    const known = attempts.get(name) ?? new Set();
    for (const { id } of carrying.get(item.id) ?? []) known.add(id);
    attempts.set(name, known);
  }
  const times = new Map<string, number>();
  for (const { system, ids } of calls) {
    for (const id of ids) times.set(`${system} ${id}`, (times.get(`${system} ${id}`) ?? 0) + 1);
  }
  return [...times].flatMap(([name, count]) => {
    const most = attempts.get(name)?.size ?? 0;
    return count > most ? [`${name} was called ${count} times, and ${most} attempts are on record`] : [];
  });
}

/** No more calls are lost at a kill than may be under way. A call that an earlier kill had lost is that one's. */
function lostAtEachKill(evidence: Evidence, calls: CallsOfAttempts, heldBack: ReadonlySet<string>): string[] {
  const { attempts, disturbed, limits } = evidence;
  const kills = disturbed.filter(({ kill }) => kill).toSorted((a, b) => a.fromMs - b.fromMs);
  const lostAt = new Map<string, number>();
  for (const attempt of attempts) {
    if (attempt.verdict !== 'interrupted' || heldBack.has(attempt.id)) continue;
    const met = kills.filter((kill) => meet(attempt, kill));
    // Of two kills in quick succession a call that was begun between them was lost at the second.
    const first = met.find(({ toMs }) => attempt.startedMs <= toMs) ?? met[0];
    if (first && isOver(attempt, first.fromMs, calls, evidence)) continue;
    const key = first && `${attempt.provider} at ${first.fromMs} (${first.what})`;
    if (key !== undefined) lostAt.set(key, (lostAt.get(key) ?? 0) + 1);
  }
  return [...lostAt]
    .filter(([, lost]) => lost > limits.concurrency)
    .map(([where, lost]) => `${lost} calls lost of ${where}, and ${limits.concurrency} may be under way`);
}

/**
 * Killed before the end was on record, and yet no call was under way any more: it was answered already, or it had not been
 * sent when its lease was in doubt, and never would have been.
 */
function isOver({ id, startedMs }: AttemptRow, atMs: number, calls: CallsOfAttempts, { timings }: Evidence): boolean {
  const made = calls.of.get(id);
  return made === undefined ? startedMs + timings.marginMs <= atMs : (made.endedAtMs ?? Infinity) <= atMs;
}

function meet(attempt: AttemptRow, { fromMs, toMs }: Disturbed): boolean {
  return attempt.startedMs <= toMs + NOTICED_MS && (attempt.endedMs ?? Number.POSITIVE_INFINITY) >= fromMs - NOTICED_MS;
}
