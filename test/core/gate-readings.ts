/** Readings as a gate sees them. */
import type { BlockReason, Reading } from '../../src/core/answer.js';
import { gateAfter } from '../../src/core/gate.js';
import type { Gate, GateChange, Signal } from '../../src/core/gate.js';

const remarks = { providerStatus: null, providerMessage: null, providerCount: null, anomalies: [] };

export const ANSWERED: Reading = { ...remarks, verdict: 'answered', answers: new Map(), pass: null };
export const REFUSED: Reading = { ...remarks, verdict: 'refused' };
export const SILENCE: Reading = {
  ...remarks,
  verdict: 'unclear',
  silent: true,
  effect: 'unknown',
  retryAfterMs: null,
};
/** Words of the provider's own that say nothing clear, a 404 in its own form for one. */
export const MURMUR: Reading = { ...SILENCE, silent: false };

export function blocked(reason: BlockReason, retryAfterMs: number | null = null): Reading {
  return { ...remarks, verdict: 'blocked', reason, retryAfterMs, effect: 'none' };
}

export function signal(reading: Reading, attemptId = 'attempt', refusedAlone: string | null = null): Signal {
  return { reading, attemptId, refusedAlone, probe: false };
}

/** The same of a call that probed a closed gate. */
export function probed(reading: Reading, attemptId?: string, refusedAlone?: string | null): Signal {
  return { ...signal(reading, attemptId, refusedAlone), probe: true };
}

/** The gate after one reading after another, all at one moment. */
export function after(gate: Gate, nowMs: number, ...signals: readonly Signal[]): GateChange {
  const unchanged: GateChange = { gate, giveBack: [], reopen: [], wholeProvider: false };
  return signals.reduce((change, one) => gateAfter(change.gate, one, nowMs, 1000), unchanged);
}
