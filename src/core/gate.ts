/**
 * A system's gate: whether calls may go out now, and what opens and closes it. A gate protects two things: the
 * provider from being hammered, and the items from being blamed for what is not their fault.
 */
import type { Reading } from './answer.js';

export const GATE_REASONS = ['credentials', 'quota', 'rate', 'outage', 'contract'] as const;
export type GateReason = (typeof GATE_REASONS)[number];

/** Silent calls in a row that close the gate. */
export const SILENT_MAX = 5;
/** IDs alone refused in a row, with none accepted, that close the gate. */
export const LONE_REFUSED_MAX = 20;
export const PROBE_DELAY_MAX_MS = 5 * 60 * 1000;
/** How long a system rests after a 429 without a Retry-After. */
const RATE_PAUSE_MS = 60 * 1000;
const RATE_PAUSE_MIN_MS = 1000;
const RATE_PAUSE_MAX_MS = 60 * 60 * 1000;

export interface Gate {
  /** Null while open. */
  readonly reason: GateReason | null;
  readonly sinceMs: number | null;
  /** `rate`: when it opens by itself. `outage` and `contract`: when the next probe may go. Else null. */
  readonly untilMs: number | null;
  readonly probeDelayMs: number;
  /** Calls in a row without an answer of the provider's own: their attempts are given back when they close the gate. */
  readonly silent: readonly string[];
  /** Items refused alone, in a row. */
  readonly loneRefused: readonly string[];
}

export const OPEN_GATE: Gate = {
  reason: null,
  sinceMs: null,
  untilMs: null,
  probeDelayMs: 0,
  silent: [],
  loneRefused: [],
};

/** What one call means to the gate of its system. */
export interface Signal {
  readonly reading: Reading;
  readonly attemptId: string;
  /** The key of the item that was refused alone, else null. */
  readonly refusedAlone: string | null;
  /** The call went out to probe the gate. One begun before the gate closed is none, however late it ends. */
  readonly probe: boolean;
}

export interface GateChange {
  readonly gate: Gate;
  /** Earlier attempts whose spending is given back, because their row closed the gate. */
  readonly giveBack: readonly string[];
  /** Items refused alone that go back to `pending`, because so many in a row accuse the contract and not the items. */
  readonly reopen: readonly string[];
  /** True when the block holds for every system of the provider. */
  readonly wholeProvider: boolean;
}

/** What may be sent through a gate at a moment. */
export type Passage = 'open' | 'probe' | 'closed';

/** Whether calls may go out at `nowMs`: all, one probe, or none. */
export function passage(gate: Gate, nowMs: number): Passage {
  switch (gate.reason) {
    case null:
      return 'open';
    case 'rate':
      return gate.untilMs !== null && gate.untilMs <= nowMs ? 'open' : 'closed';
    case 'outage':
    case 'contract':
      return gate.untilMs === null || gate.untilMs <= nowMs ? 'probe' : 'closed';
    case 'credentials':
    case 'quota':
      return 'closed';
  }
}

/** True when a call with this reading leaves an open, unworried gate exactly as it is: most calls do. */
export function leavesGateAlone(gate: Gate, signal: Signal): boolean {
  const clean = gate.reason === null && gate.silent.length === 0 && gate.loneRefused.length === 0;
  const spoke =
    signal.reading.verdict === 'answered' || (signal.reading.verdict === 'refused' && signal.refusedAlone === null);
  return clean && spoke;
}

/** The gate after a call. `retryBaseMs` is the first delay between probes. */
export function gateAfter(before: Gate, signal: Signal, nowMs: number, retryBaseMs: number): GateChange {
  const { reading, probe } = signal;
  const at: Moment = { nowMs, retryBaseMs, probe };
  const gate = current(before, nowMs);
  switch (reading.verdict) {
    case 'answered':
      return keep({ ...spoke(gate), loneRefused: [] });
    case 'refused':
      return afterRefusal(gate, signal, at);
    case 'unclear':
      if (reading.silent) return afterSilence(gate, signal.attemptId, at);
      return keep(isAccused(gate) ? stillAccused(gate, at) : spoke(gate));
    case 'blocked':
      return afterBlock(gate, reading, at);
  }
}

/** When a call ended, and whether it was a probe. */
interface Moment {
  readonly nowMs: number;
  readonly retryBaseMs: number;
  readonly probe: boolean;
}

/** A pause that has run out is no longer one. */
export function current(gate: Gate, nowMs: number): Gate {
  const over = gate.reason === 'rate' && gate.untilMs !== null && gate.untilMs <= nowMs;
  return over ? { ...OPEN_GATE, silent: gate.silent, loneRefused: gate.loneRefused } : gate;
}

function afterRefusal(gate: Gate, signal: Signal, at: Moment): GateChange {
  const { refusedAlone } = signal;
  const accused = isAccused(gate);
  if (refusedAlone === null) return keep(accused ? stillAccused(gate, at) : spoke(gate));
  if (accused) return { ...keep(stillAccused(gate, at)), reopen: [refusedAlone] };
  const isNew = !gate.loneRefused.includes(refusedAlone);
  const loneRefused = isNew ? [...gate.loneRefused, refusedAlone] : gate.loneRefused;
  if (loneRefused.length < LONE_REFUSED_MAX) return keep({ ...spoke(gate), loneRefused });
  const closed = isStronger(gate) ? spoke(gate) : probing(gate, 'contract', at);
  return { ...keep({ ...closed, loneRefused }), reopen: loneRefused };
}

/** Only a person, or a start with other credentials, opens such a gate. */
function isStuck(gate: Gate): boolean {
  return gate.reason === 'credentials' || gate.reason === 'quota';
}

/** A pause or a block that no answer ends: silence and odd answers in it are remembered, and change nothing before its end. */
function isStronger(gate: Gate): boolean {
  return isStuck(gate) || gate.reason === 'rate';
}

function isAccused(gate: Gate): boolean {
  return gate.reason === 'contract' && gate.loneRefused.length >= LONE_REFUSED_MAX;
}

/** So many refusals in a row accused the contract: only an accepted call, or a person, opens such a gate. */
function stillAccused(gate: Gate, at: Moment): Gate {
  return { ...probing(gate, 'contract', at), loneRefused: gate.loneRefused };
}

function afterSilence(gate: Gate, attemptId: string, at: Moment): GateChange {
  if (gate.reason === 'outage' || gate.reason === 'contract') {
    const closed = { ...probing(gate, gate.reason, at), loneRefused: gate.loneRefused };
    return keep(closed);
  }
  if (gate.silent.includes(attemptId)) return keep(gate);
  const silent = [...gate.silent, attemptId];
  if (isStronger(gate) || silent.length < SILENT_MAX) return keep({ ...gate, silent });
  const closed = { ...probing(gate, 'outage', at), loneRefused: gate.loneRefused };
  return { ...keep(closed), giveBack: gate.silent };
}

function afterBlock(gate: Gate, reading: Extract<Reading, { verdict: 'blocked' }>, at: Moment): GateChange {
  const { nowMs } = at;
  switch (reading.reason) {
    case 'credentials':
    case 'quota': {
      if (gate.reason === 'credentials' || gate.reason === reading.reason)
        return { ...keep(gate), wholeProvider: true };
      const closed = { ...OPEN_GATE, reason: reading.reason, sinceMs: nowMs } as const;
      return { ...keep(closed), wholeProvider: true };
    }
    case 'contract':
      if (isStronger(gate)) return keep(gate);
      return {
        ...keep({ ...probing(gate, 'contract', at), loneRefused: gate.loneRefused }),
        giveBack: gate.silent,
      };
    case 'rate': {
      if (isStuck(gate)) return keep(gate);
      const pauseMs = Math.min(Math.max(reading.retryAfterMs ?? RATE_PAUSE_MS, RATE_PAUSE_MIN_MS), RATE_PAUSE_MAX_MS);
      const untilMs = Math.max(nowMs + pauseMs, gate.reason === 'rate' ? (gate.untilMs ?? 0) : 0);
      const sinceMs = gate.reason === 'rate' ? gate.sinceMs : nowMs;
      return keep({ ...OPEN_GATE, loneRefused: gate.loneRefused, reason: 'rate', sinceMs, untilMs });
    }
  }
}

/** The provider spoke: that ends a row of silent calls, and opens a gate that was waiting for just that. */
function spoke(gate: Gate): Gate {
  return isStronger(gate) ? { ...gate, silent: [] } : { ...OPEN_GATE, loneRefused: gate.loneRefused };
}

function probing(gate: Gate, reason: 'outage' | 'contract', at: Moment): Gate {
  const again = gate.reason === reason;
  // A call that was under way when the gate closed says nothing new, whenever it ends: only probes double the delay.
  if (again && (!at.probe || (gate.untilMs !== null && at.nowMs < gate.untilMs))) return gate;
  const probeDelayMs = Math.min(again ? Math.max(gate.probeDelayMs, 1) * 2 : at.retryBaseMs, PROBE_DELAY_MAX_MS);
  const sinceMs = again ? gate.sinceMs : at.nowMs;
  return { ...OPEN_GATE, reason, sinceMs, untilMs: at.nowMs + probeDelayMs, probeDelayMs };
}

function keep(gate: Gate): GateChange {
  return { gate, giveBack: [], reopen: [], wholeProvider: false };
}
