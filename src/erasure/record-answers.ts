/**
 * The only writer of what calls came to. One transaction, guarded by the epoch of each batch: gates, attempts, outcomes, what was
 * discovered, warnings. A batch that is no longer held changes nothing; its late answer is kept beside its attempt.
 */
import type { Reading } from '../core/answer.js';
import { groupBy } from '../core/grouping.js';
import { current, gateAfter, leavesGateAlone, OPEN_GATE } from '../core/gate.js';
import type { Gate, GateChange } from '../core/gate.js';
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
import { lockGates, readGates, saveGate } from '../store/gates.js';
import { reopenItems, warnWhereAllAbsent } from '../store/settle.js';
import { sealAnswer } from '../store/sealed-values.js';
import { addWarnings } from '../store/warnings.js';
import type { NewWarning } from '../store/warnings.js';
import { writeOutcomes } from '../store/write-outcomes.js';
import { announceSettled } from './announce-settled.js';
import { changesOfCall } from './changes-of-call.js';
import type { FinishedCall, JudgedCall } from './finished-call.js';
import { notifyBlocked } from './notify.js';
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
  await keepLate(tx, workplace, late, requests);
  // Before the histories are read: an item of this call may have been in those that are given back.
  await giveBack(tx, freed);
  if (held.length === 0) {
    await reopenItems(tx, reopened);
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
  await reopenItems(tx, reopened);
  await addWarnings(tx, judged.flatMap(anomaliesOf));
  await endBatches(
    tx,
    held.map((call) => call.batchId),
  );
  await warnWhereAllAbsent(tx, [...requestIds]);
  await announceSettled(tx, workplace, [...requestIds]);
  return [...histories].some((item) => item.ordered);
}

interface JudgedGates {
  /** The database's clock, epoch milliseconds. */
  readonly nowMs: number;
  readonly changes: readonly GateChange[];
  of(call: FinishedCall): { readonly before: Gate; readonly after: Gate };
}

/** What the calls mean to the gates. A gate that stays as it is is not even locked: most calls are answered. */
async function judgeGates(tx: Transaction, workplace: Workplace, calls: readonly FinishedCall[]): Promise<JudgedGates> {
  const told = calls.filter((call) => call.sent !== null && call.sent.left);
  const seen = new Map<FinishedCall, { before: Gate; after: Gate }>();
  const changes: GateChange[] = [];
  const rows = new Map(await readGates(tx));
  const nowMs = Math.max(...[...rows.values()].map((row) => row.nowMs));
  const worried = told.filter((call) => {
    const gate = rows.get(call.system)?.gate ?? OPEN_GATE;
    return call.sent !== null && !leavesGateAlone(gate, signalOf(call, call.sent.reading));
  });
  for (const provider of [...new Set(worried.map((call) => call.provider))].sort()) {
    for (const [system, row] of await lockGates(tx, provider)) rows.set(system, row);
  }
  for (const call of told) {
    const row = rows.get(call.system);
    if (!row || call.sent === null) continue;
    const before = current(row.gate, nowMs);
    if (!worried.includes(call)) {
      seen.set(call, { before, after: before });
      continue;
    }
    const change = gateAfter(row.gate, signalOf(call, call.sent.reading), nowMs, workplace.settings.retryBaseMs);
    changes.push(change);
    seen.set(call, { before, after: change.gate });
    const credentialsDigest = workplace.system(call.system).credentialsDigest;
    for (const other of change.wholeProvider ? [...rows.values()] : [row]) {
      const found = workplace.systems.get(other.system);
      if (change.wholeProvider && found?.provider.name !== call.provider) continue;
      const stays = change.gate.reason === other.gate.reason;
      const next = {
        ...other,
        gate: change.gate,
        credentialsDigest: stays ? other.credentialsDigest : credentialsDigest,
      };
      rows.set(other.system, next);
      await saveGate(tx, next);
      await notifyBlocked(tx, call.provider, other, next);
      if (change.gate.reason !== null && change.gate.reason !== before.reason) {
        workplace.log.warn({ system: other.system, reason: change.gate.reason }, 'the gate closed');
      }
    }
  }
  return {
    nowMs,
    changes,
    of: (call) =>
      seen.get(call) ?? {
        before: rows.get(call.system)?.gate ?? OPEN_GATE,
        after: rows.get(call.system)?.gate ?? OPEN_GATE,
      },
  };
}

function signalOf(call: FinishedCall, reading: Reading): Parameters<typeof gateAfter>[1] {
  const alone = reading.verdict === 'refused' && call.distinct === 1;
  const refusedAlone = alone ? call.items.map((item) => `${item.requestId}/${item.id}`).join(' ') : null;
  return { reading, attemptId: call.attemptId, refusedAlone, probe: call.probe };
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

async function keepLate(
  tx: Transaction,
  workplace: Workplace,
  late: readonly FinishedCall[],
  requests: ReadonlyMap<string, LockedRequest>,
): Promise<void> {
  for (const call of late) {
    if (call.sent === null) continue;
    const { httpStatus, reading } = call.sent;
    if (!(await markLate(tx, { id: call.attemptId, httpStatus, providerCount: reading.providerCount }))) continue;
    await sealParts(tx, sealedParts(workplace, call, requests, { said: () => ({}) }));
    workplace.log.warn(
      { attempt: call.attemptId, system: call.system },
      'an answer came after its call had been given up',
    );
  }
}
