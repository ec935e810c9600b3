/** What calls that have ended mean to the gates of their systems. */
import { current, gateAfter, leavesGateAlone, OPEN_GATE } from '../core/gate.js';
import type { Gate, GateChange } from '../core/gate.js';
import type { Reading } from '../core/answer.js';
import { SERVICE } from '../ledger/append.js';
import type { NewEvent } from '../ledger/append.js';
import type { Transaction } from '../store/database.js';
import { lockGates, readGates, saveGate } from '../store/gates.js';
import type { FinishedCall } from './finished-call.js';
import { gateEvent } from './gate-event.js';
import { notifyBlocked } from './notify.js';
import type { Workplace } from './workplace.js';

export interface JudgedGates {
  /** The database's clock, epoch milliseconds. */
  readonly nowMs: number;
  readonly changes: readonly GateChange[];
  /** What the ledger is told: gates that closed or opened. */
  readonly events: readonly NewEvent[];
  of(call: FinishedCall): { readonly before: Gate; readonly after: Gate };
}

/** What the calls mean to the gates. A gate that stays as it is is not even locked: most calls are answered. */
export async function judgeGates(
  tx: Transaction,
  workplace: Workplace,
  calls: readonly FinishedCall[],
): Promise<JudgedGates> {
  const told = calls.filter((call) => call.sent !== null && call.sent.left);
  const seen = new Map<FinishedCall, { before: Gate; after: Gate }>();
  const changes: GateChange[] = [];
  const events: NewEvent[] = [];
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
      if (!stays) events.push(gateEvent(other.system, change.gate.reason, SERVICE));
      if (change.gate.reason !== null && change.gate.reason !== before.reason) {
        workplace.log.warn({ system: other.system, reason: change.gate.reason }, 'the gate closed');
      }
    }
  }
  return {
    nowMs,
    changes,
    events,
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
