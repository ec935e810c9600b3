/**
 * The one judge of every run: the invariants of the design, in the words of this service, over the evidence of a run.
 * Each gives one line for each breach. It trusts nothing that the service says of itself where the provider's ledger or
 * the database's own history can tell.
 */
import { callsOf } from './calls-of-attempts.js';
import type { CallsOfAttempts } from './calls-of-attempts.js';
import type { Breach, Invariant } from './breach.js';
import { checkCalls } from './check-calls.js';
import { checkLedger } from './check-ledger.js';
import { checkRepeats } from './check-repeats.js';
import type { AttemptRow, Evidence, ItemRow } from './evidence.js';

const FINAL = ['erased', 'already_absent', 'nothing_matched', 'cancelled'];
const GONE = ['erased', 'already_absent', 'nothing_matched'];
/** What else may happen to an outcome: `TRANSITIONS` of the service says the same. */
const REOPENED = ['unconfirmed', 'failed'];

/** Every breach of every invariant. */
export function check(evidence: Evidence): Breach[] {
  const of = (invariant: Invariant, lines: readonly string[]): Breach[] => lines.map((what) => ({ invariant, what }));
  return [
    ...of('I1', nothingLost(evidence)),
    ...of('I2', goneIsGone(evidence)),
    ...of('I3', finalStays(evidence)),
    ...of('I4', requestsFollowItems(evidence)),
    ...checkCalls(evidence),
    ...of('I6', checkRepeats(evidence)),
    ...of('I7', onlyUnderTheLiveEpoch(evidence)),
    ...of('I8', checkLedger(evidence)),
    ...of('I9', oneRequestAKey(evidence)),
    ...of('I11', evidence.quietMs === null ? ['it never became quiet'] : []),
    ...of('I14', processesEndInOrder(evidence)),
    ...of('I15', nothingSaidTooEarly(evidence)),
  ];
}

/** I1: what was accepted is there, every distinct ID of it, and settled; what is open has a time at which it is due. */
function nothingLost({ submitted, items }: Evidence): string[] {
  const lines: string[] = [];
  const known = new Map<string, Set<string>>();
  for (const item of items) {
    const ids = known.get(item.requestId) ?? new Set();
    known.set(item.requestId, ids.add(`${item.system} ${item.externalId}`));
    if (item.outcome === 'pending') lines.push(`item ${item.id} is still pending`);
    if (!Number.isFinite(item.dueMs)) lines.push(`item ${item.id} is due at no time`);
  }
  for (const { key, body, accepted } of submitted) {
    const [first] = accepted;
    if (first === undefined) {
      lines.push(`${key} was never accepted`);
      continue;
    }
    const { id } = JSON.parse(first) as { id: string };
    const has = known.get(id);
    for (const { system, ids, documentIds, annotationIds } of body.targets) {
      for (const one of ids ?? documentIds ?? annotationIds ?? []) {
        if (has?.has(`${system} ${one}`) !== true)
          lines.push(`${system} ${one} of accepted request ${id} is not there`);
      }
    }
  }
  return lines;
}

/** I2: gone is said only where an answered call named exactly this ID, the provider gave that word, and it is so. */
function goneIsGone(evidence: Evidence): string[] {
  const calls = callsOf(evidence);
  const attempts = new Map(evidence.attempts.map((attempt) => [attempt.id, attempt]));
  return evidence.items.flatMap((item) => {
    if (!GONE.includes(item.outcome)) return [];
    const name = `${item.system} ${item.externalId}, ${item.outcome}/${item.evidence}`;
    if (item.held) return [`${name}: the provider still holds it`];
    const proof = item.proofId === null ? undefined : attempts.get(item.proofId);
    if (proof?.verdict !== 'answered' || !proof.itemIds.includes(item.id))
      return [`${name}: no answered call carried it`];
    const said = calls.of.get(proof.id)?.answers;
    if (said === undefined) return [`${name}: the provider saw no such call`];
    if (item.outcome === 'already_absent' && deletedByOwnCall(item, evidence.attempts, calls)) {
      return [`${name}: a call of its own deleted it`];
    }
    return isSaid(item, said) ? [] : [`${name}: the provider said ${JSON.stringify(said)}`];
  });
}

function deletedByOwnCall(item: ItemRow, attempts: readonly AttemptRow[], calls: CallsOfAttempts): boolean {
  const own = attempts.filter(({ itemIds }) => itemIds.includes(item.id));
  return own.some(({ id }) => calls.of.get(id)?.deleted.some(({ ids }) => ids.includes(item.externalId)) === true);
}

function isSaid(
  item: ItemRow,
  said: { readonly deleted?: readonly string[]; readonly absent?: readonly string[] },
): boolean {
  const deleted = said.deleted?.includes(item.externalId) === true;
  const absent = said.absent?.includes(item.externalId) === true;
  if (item.outcome === 'already_absent') return absent;
  if (item.evidence === 'repeat') return (absent || deleted) && item.attempts > 1;
  return item.outcome === 'erased' && deleted;
}

/** I3: a final outcome stays, by the database's own history; attempts are never removed and end once. */
function finalStays({ items, attempts, history }: Evidence): string[] {
  const lines: string[] = [];
  const now = new Map<string, string>();
  for (const { itemId, before, after } of history.outcomes) {
    if (FINAL.includes(before)) lines.push(`item ${itemId} went from ${before} to ${after}`);
    if (REOPENED.includes(before) && after !== 'pending') lines.push(`item ${itemId} went from ${before} to ${after}`);
    const was = now.get(itemId) ?? 'pending';
    if (was !== before) lines.push(`item ${itemId} was ${was}, and then changed from ${before}`);
    now.set(itemId, after);
  }
  for (const item of items) {
    const last = now.get(item.id) ?? 'pending';
    if (last !== item.outcome) lines.push(`item ${item.id} is ${item.outcome}, and its history ends with ${last}`);
    if (item.shown !== item.outcome) lines.push(`item ${item.id} is ${item.outcome}, and GET shows ${item.shown}`);
  }
  const kept = new Set(attempts.map(({ id }) => id));
  for (const id of history.begins) if (!kept.has(id)) lines.push(`attempt ${id} is gone`);
  const ended = new Set<string>();
  for (const { attemptId } of history.ends) {
    if (ended.has(attemptId)) lines.push(`attempt ${attemptId} ended twice`);
    ended.add(attemptId);
  }
  return lines;
}

/** I4: counts, status and time of settling are those of the items, and a request settles once (or again after a retry by hand). */
function requestsFollowItems({ requests, items, history, steeredByHand }: Evidence): string[] {
  const lines: string[] = [];
  for (const { id, status, settledMs, counts } of requests) {
    const own = items.filter((item) => item.requestId === id);
    for (const [outcome, count] of Object.entries(counts)) {
      const real = own.filter((item) => item.outcome === outcome).length;
      if (real !== count) lines.push(`request ${id} counts ${count} ${outcome} and has ${real}`);
    }
    const pending = own.some((item) => item.outcome === 'pending');
    const rests = own.some((item) => REOPENED.includes(item.outcome));
    const isCancelled = own.some((item) => item.outcome === 'cancelled');
    const expected = pending
      ? ['queued', 'running']
      : isCancelled
        ? ['cancelled']
        : rests
          ? ['attention']
          : ['completed'];
    if (!expected.includes(status))
      lines.push(`request ${id} is ${status}, and its items say ${expected.join(' or ')}`);
    if (pending !== (settledMs === null)) lines.push(`request ${id} is ${status} and settled at ${settledMs}`);
    const settlings = history.settlings.filter((one) => one.requestId === id && one.after !== null).length;
    if (!pending && settlings !== 1 && !steeredByHand.has(id)) lines.push(`request ${id} settled ${settlings} times`);
  }
  return lines;
}

/** I7: an answer is written by who holds the batch, and an outcome only with the end of the attempt that proves it. */
function onlyUnderTheLiveEpoch({ history, attempts }: Evidence): string[] {
  const lines: string[] = [];
  const endedIn = new Map<string, string>();
  for (const { attemptId, verdict, epoch, liveEpoch, tx } of history.ends) {
    endedIn.set(attemptId, tx);
    if (liveEpoch !== epoch)
      lines.push(`attempt ${attemptId} (${verdict}) ended under epoch ${epoch}, at ${liveEpoch}`);
  }
  const verdicts = new Map(attempts.map(({ id, verdict, late }) => [id, late ? 'late' : verdict]));
  for (const { itemId, after, proofId, tx } of history.outcomes) {
    if (!GONE.includes(after) || proofId === null) continue;
    if (endedIn.get(proofId) !== tx) lines.push(`item ${itemId} became ${after} apart from the attempt that proves it`);
    if (verdicts.get(proofId) !== 'answered')
      lines.push(`item ${itemId} became ${after} by an attempt that was ${verdicts.get(proofId)}`);
  }
  return lines;
}

/** I9: one request a key, one answer for ever, and another body is refused without effect. */
function oneRequestAKey({ submitted, requests, idempotencyKeys }: Evidence): string[] {
  const lines: string[] = [];
  for (const { key, accepted, refusals, otherBody } of submitted) {
    if (new Set(accepted).size > 1) lines.push(`${key} was answered in ${new Set(accepted).size} ways`);
    if (otherBody !== null && otherBody !== 422) lines.push(`another body under ${key} was answered with ${otherBody}`);
    for (const refusal of refusals) lines.push(`${key} was answered with ${refusal}`);
  }
  if (requests.length !== submitted.length) lines.push(`${submitted.length} keys made ${requests.length} requests`);
  if (idempotencyKeys !== submitted.length) lines.push(`${submitted.length} keys are ${idempotencyKeys} rows`);
  return lines;
}

/** I14: no process ends but by our hand, none has a rejection that nobody looked at, none leaves a connection behind. */
function processesEndInOrder({ processes, connectionsLeft }: Evidence): string[] {
  const lines = connectionsLeft === 0 ? [] : [`${connectionsLeft} connections were left at Postgres`];
  for (const { name, code, signal, expected, log } of processes) {
    if (!expected) lines.push(`${name} ended by itself (${signal ?? code}): ${log.slice(-2).join(' | ')}`);
    else if (signal === null && code !== 0) lines.push(`${name} ended with ${code}: ${log.slice(-2).join(' | ')}`);
    const rejected = log.find((line) => line.includes('nobody looked'));
    if (rejected !== undefined) lines.push(`${name}: ${rejected}`);
  }
  return lines;
}

/** I15: a 202 speaks of what is committed, and what GET once showed as settled stays so. */
function nothingSaidTooEarly({ submitted, looks, steeredByHand }: Evidence): string[] {
  const lines = submitted
    .filter(({ committed }) => committed === false)
    .map(({ key }) => `the 202 of ${key} came before its commit`);
  const most = new Map<string, number>();
  for (const { requestId, settled } of looks) {
    const before = most.get(requestId) ?? 0;
    if (settled < before && !steeredByHand.has(requestId))
      lines.push(`GET showed ${before} settled items of ${requestId}, then ${settled}`);
    most.set(requestId, Math.max(before, settled));
  }
  return lines;
}
