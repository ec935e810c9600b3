/**
 * The only writer of what calls came to. One transaction, guarded by the epoch of each batch: gates, attempts, outcomes, what was
 * discovered, warnings. A batch that is no longer held changes nothing; its late answer is kept beside its attempt.
 */
import { groupBy } from '../core/grouping.js';
import { appendAfter } from '../ledger/append.js';
import {
  endAttempts,
  giveBack,
  lockRequests,
  markLate,
  readHistories,
  readParts,
  sealParts,
} from '../store/attempts.js';
import type { AttemptPart, LockedRequest, RecordedItem, SealedPart } from '../store/attempts.js';
import { endBatches, holdBatches } from '../store/batches.js';
import { markUnknownEffect } from '../store/discovered-items.js';
import { readHeads } from '../store/ledger-events.js';
import type { Transaction } from '../store/database.js';
import { reopenItems, warnWhereAllAbsent } from '../store/settle.js';
import { readDone } from '../store/settled-requests.js';
import { OpenedValues, sealAnswer } from '../store/sealed-values.js';
import { addWarnings } from '../store/warnings.js';
import type { NewWarning } from '../store/warnings.js';
import { writeOutcomes } from '../store/write-outcomes.js';
import { announceSettled } from './announce-settled.js';
import { CallEvents, reopenedEvents } from './call-events.js';
import { changesOfCall, keyOf } from './changes-of-call.js';
import type { FinishedCall, JudgedCall } from './finished-call.js';
import { judgeGates } from './judge-gates.js';
import { recordDiscovered } from './record-discovered.js';
import type { Discovered } from './record-discovered.js';
import type { Workplace } from './workplace.js';

/** Records finished calls, all in one transaction, and rings for what became due. */
export async function recordAnswers(workplace: Workplace, calls: readonly FinishedCall[]): Promise<void> {
  const settledOrder = await workplace.database.transaction((tx) => record(tx, workplace, calls));
  const systems = new Set(calls.map((call) => call.system));
  if (settledOrder) for (const name of workplace.systems.keys()) systems.add(name);
  workplace.doorbell.ring([...systems]);
}

/** Gives true when an item that others may wait for was settled. */
async function record(tx: Transaction, workplace: Workplace, calls: readonly FinishedCall[]): Promise<boolean> {
  const gates = await judgeGates(tx, workplace, calls);
  const reopened = gates.changes.flatMap((change) => change.reopen.flatMap((key) => key.split(' ')));
  const freed = gates.changes.flatMap((change) => change.giveBack);
  const requestIds = new Set(calls.flatMap((call) => call.items.map((item) => item.requestId)));
  for (const key of reopened) requestIds.add(key.slice(0, key.indexOf('/')));
  const unfinished = calls.filter((call) => call.sent === null).map((call) => call.attemptId);
  const parts = await readParts(tx, [...unfinished, ...freed]);
  for (const { requestId } of parts) requestIds.add(requestId);

  const [heldIds, requests, heads, , found] = await Promise.all([
    holdBatches(
      tx,
      calls.map((call) => ({ id: call.batchId, epoch: call.epoch })),
    ),
    lockRequests(tx, [...requestIds].sort()),
    readHeads(tx, [...requestIds, ...new Set(gates.events.map((event) => event.stream))]),
    // Before the histories are read: an item of this call may have been in those that are given back.
    giveBack(tx, freed),
    readHistories(
      tx,
      calls.map((call) => call.batchId),
    ),
  ]);
  const seen = new Set<string>();
  const held = calls.filter(
    (call) => heldIds.has(call.batchId) && !seen.has(call.attemptId) && seen.add(call.attemptId),
  );
  const late = calls.filter((call) => !heldIds.has(call.batchId));
  const kept = await keepLate(tx, workplace, late, requests);
  const ledger = new CallEvents(workplace.vault, requests);
  const lateEvents = kept.flatMap((call) => ledger.late(call));
  if (held.length === 0) {
    const events = [...gates.events, ...lateEvents, ...reopenedEvents(await reopenItems(tx, reopened))];
    await appendAfter(tx, heads, events);
    return false;
  }

  const histories = carriedOf(found, held, parts);
  const judged = held.map((call): JudgedCall => {
    const gate = gates.of(call);
    return {
      ...call,
      histories: histories.filter((item) => item.batchId === call.batchId),
      gateBefore: gate.before,
      gateAfter: gate.after,
      givenBack: freed.includes(call.attemptId),
    };
  });
  const cancelled = new Set([...requests.values()].filter((request) => request.cancelled).map((request) => request.id));
  const about = { nowMs: gates.nowMs, settings: workplace.settings, cancelled };
  const outcomes = judged.map((call) => changesOfCall(call, about));
  const isPass = new Set(judged.filter((call) => call.selects).map((call) => call.attemptId));
  const ended = outcomes.map((outcome) => outcome.attempt);
  // What a pass revealed is proven by its attempt, which must be complete before.
  await endAttempts(
    tx,
    ended.filter((attempt) => isPass.has(attempt.id)),
  );
  const discovered = await recordDiscovered(tx, workplace, judged, requests, about);
  const changes = outcomes.flatMap((outcome) => outcome.changes.map((change) => discovered.adjust(change)));
  const [, , , , again] = await Promise.all([
    endAttempts(
      tx,
      ended.filter((attempt) => !isPass.has(attempt.id)),
    ),
    sealParts(
      tx,
      judged.flatMap((call) => sealedParts(workplace, call, requests, discovered)),
    ),
    writeOutcomes(tx, [...changes, ...discovered.changes]),
    markUnknownEffect(
      tx,
      changes.filter(({ next }) => next.unknownEffect).map(({ id }) => id),
      discovered.doubted,
    ),
    reopenItems(tx, reopened),
  ]);
  const lost = histories.filter((item) => judged.some((call) => call.sent === null && call.batchId === item.batchId));
  const values = await OpenedValues.read(tx, workplace.vault, lost);
  const told = { changes: [...changes, ...discovered.changes], revealed: discovered.revealed, values };
  const callEvents = judged.flatMap((call) => ledger.recorded(call, told));
  const [, , , done] = await Promise.all([
    appendAfter(tx, heads, [...gates.events, ...lateEvents, ...callEvents, ...reopenedEvents(again)]),
    addWarnings(tx, judged.flatMap(anomaliesOf)),
    endBatches(
      tx,
      held.map((call) => call.batchId),
    ),
    readDone(tx, [...requestIds]),
  ]);
  if (done.length > 0) {
    await warnWhereAllAbsent(tx, done);
    await announceSettled(tx, workplace, done);
  }
  return [...histories].some((item) => item.ordered);
}

/**
 * The items that these calls carried, among all that their batches hold. Of a call that was lost only its attempt tells: a
 * batch may hold an item that could not be opened, and was not sent.
 */
function carriedOf(
  items: readonly RecordedItem[],
  held: readonly FinishedCall[],
  parts: readonly AttemptPart[],
): readonly RecordedItem[] {
  const lost = new Map(held.filter((call) => call.sent === null).map((call) => [call.batchId, call.attemptId]));
  const carried = new Set(
    parts.flatMap(({ attemptId, requestId, itemIds }) => itemIds.map((id) => `${attemptId}/${requestId}/${id}`)),
  );
  const batchIds = new Set(held.map((call) => call.batchId));
  return items.filter((item) => {
    const attemptId = lost.get(item.batchId);
    return batchIds.has(item.batchId) && (attemptId === undefined || carried.has(`${attemptId}/${keyOf(item)}`));
  });
}

/** A status that is a word of a fixed set says nothing about anybody; any other text of a shared call might. */
const ENUM_WORD = /^[A-Za-z_-]{1,40}$/;

/** What the provider said, sealed once per request of the call, under that request's key. */
function sealedParts(
  workplace: Workplace,
  call: FinishedCall,
  requests: ReadonlyMap<string, LockedRequest>,
  discovered: Pick<Discovered, 'said'>,
): SealedPart[] {
  if (call.sent === null) return [];
  const { reading, sha256 } = call.sent;
  const byRequest = groupBy(call.items, (item) => item.requestId);
  const alone = byRequest.size === 1;
  const parts: SealedPart[] = [];
  for (const [requestId, items] of byRequest) {
    const wrapped = requests.get(requestId)?.wrapped;
    if (!wrapped) continue;
    const said: Record<string, readonly [string | null, string | null]> = {
      ...discovered.said(call.attemptId, requestId),
    };
    for (const item of items) {
      const answer =
        reading.verdict === 'answered' && item.externalId !== null ? reading.answers.get(item.externalId) : undefined;
      const text = answer?.text ?? (call.items.length === 1 ? reading.providerMessage : null);
      if (text !== null || answer?.providerId) said[item.id] = [answer?.providerId ?? null, text];
    }
    const values = {
      sha256,
      status: alone || ENUM_WORD.test(reading.providerStatus ?? '') ? reading.providerStatus : null,
      message: alone ? reading.providerMessage : null,
      items: said,
    };
    const key = workplace.vault.unwrap(requestId, wrapped);
    parts.push({ attemptId: call.attemptId, requestId, sealed: sealAnswer(key, requestId, call.attemptId, values) });
  }
  return parts;
}

function anomaliesOf(call: FinishedCall): NewWarning[] {
  const requestIds = [...new Set(call.items.map((item) => item.requestId))];
  const anomalies = call.sent?.reading.anomalies ?? [];
  return anomalies.flatMap((code) => requestIds.map((requestId) => ({ requestId, code, system: call.system })));
}

/** Gives the calls whose answers were kept. */
async function keepLate(
  tx: Transaction,
  workplace: Workplace,
  late: readonly FinishedCall[],
  requests: ReadonlyMap<string, LockedRequest>,
): Promise<FinishedCall[]> {
  const kept: FinishedCall[] = [];
  for (const call of late) {
    if (call.sent === null) continue;
    const { httpStatus, reading } = call.sent;
    if (!(await markLate(tx, { id: call.attemptId, httpStatus, providerCount: reading.providerCount }))) continue;
    await sealParts(tx, sealedParts(workplace, call, requests, { said: () => ({}) }));
    kept.push(call);
    workplace.log.warn(
      { attempt: call.attemptId, system: call.system },
      'an answer came after its call had been given up',
    );
  }
  return kept;
}
