/**
 * The only writer of what calls came to. One transaction, guarded by the epoch of each batch: gates, attempts, outcomes, what was
 * discovered, warnings. A batch that is no longer held changes nothing; its late answer is kept beside its attempt.
 */
import { groupBy } from '../core/grouping.js';
import { appendEvents } from '../ledger/append.js';
import {
  endAttempts,
  giveBack,
  lockRequests,
  markLate,
  readHistories,
  requestsOf,
  sealParts,
} from '../store/attempts.js';
import type { LockedRequest, SealedPart } from '../store/attempts.js';
import { endBatches, holdBatches } from '../store/batches.js';
import { markUnknownEffect } from '../store/discovered-items.js';
import type { Transaction } from '../store/database.js';
import { reopenItems, warnWhereAllAbsent } from '../store/settle.js';
import { readDone } from '../store/settled-requests.js';
import { OpenedValues, sealAnswer } from '../store/sealed-values.js';
import { addWarnings } from '../store/warnings.js';
import type { NewWarning } from '../store/warnings.js';
import { writeOutcomes } from '../store/write-outcomes.js';
import { announceSettled } from './announce-settled.js';
import { CallEvents, reopenedEvents } from './call-events.js';
import { changesOfCall } from './changes-of-call.js';
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
  const heldIds = await holdBatches(
    tx,
    calls.map((call) => ({ id: call.batchId, epoch: call.epoch })),
  );
  const seen = new Set<string>();
  const held = calls.filter(
    (call) => heldIds.has(call.batchId) && !seen.has(call.attemptId) && seen.add(call.attemptId),
  );
  const late = calls.filter((call) => !heldIds.has(call.batchId));
  const reopened = gates.changes.flatMap((change) => change.reopen.flatMap((key) => key.split(' ')));
  const requestIds = new Set(calls.flatMap((call) => call.items.map((item) => item.requestId)));
  const interrupted = calls.filter((call) => call.sent === null).map((call) => call.attemptId);
  if (interrupted.length > 0) for (const id of await requestsOf(tx, interrupted)) requestIds.add(id);
  for (const key of reopened) requestIds.add(key.slice(0, key.indexOf('/')));
  const freed = gates.changes.flatMap((change) => change.giveBack);
  if (freed.length > 0) for (const id of await requestsOf(tx, freed)) requestIds.add(id);
  const requests = await lockRequests(tx, [...requestIds].sort());
  const kept = await keepLate(tx, workplace, late, requests);
  const ledger = new CallEvents(workplace.vault, requests);
  const lateEvents = kept.flatMap((call) => ledger.late(call));
  // Before the histories are read: an item of this call may have been in those that are given back.
  await giveBack(tx, freed);
  if (held.length === 0) {
    const events = [...gates.events, ...lateEvents, ...reopenedEvents(await reopenItems(tx, reopened))];
    await appendEvents(tx, events);
    return false;
  }

  const histories = await readHistories(
    tx,
    held.map((call) => call.batchId),
  );
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
  await endAttempts(
    tx,
    outcomes.map((outcome) => outcome.attempt),
  );
  const discovered = await recordDiscovered(tx, workplace, judged, requests, about);
  const changes = outcomes.flatMap((outcome) => outcome.changes.map((change) => discovered.adjust(change)));
  await sealParts(
    tx,
    judged.flatMap((call) => sealedParts(workplace, call, requests, discovered)),
  );
  await writeOutcomes(tx, [...changes, ...discovered.changes]);
  await markUnknownEffect(
    tx,
    changes.filter(({ next }) => next.unknownEffect).map(({ id }) => id),
    discovered.doubted,
  );
  const lost = histories.filter((item) => judged.some((call) => call.sent === null && call.batchId === item.batchId));
  const values = await OpenedValues.read(tx, workplace.vault, lost);
  const told = { changes: [...changes, ...discovered.changes], revealed: discovered.revealed, values };
  const callEvents = judged.flatMap((call) => ledger.recorded(call, told));
  const again = reopenedEvents(await reopenItems(tx, reopened));
  await appendEvents(tx, [...gates.events, ...lateEvents, ...callEvents, ...again]);
  await addWarnings(tx, judged.flatMap(anomaliesOf));
  await endBatches(
    tx,
    held.map((call) => call.batchId),
  );
  const done = await readDone(tx, [...requestIds]);
  if (done.length > 0) {
    await warnWhereAllAbsent(tx, done);
    await announceSettled(tx, workplace, done);
  }
  return [...histories].some((item) => item.ordered);
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
