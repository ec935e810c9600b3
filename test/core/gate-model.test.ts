import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { current, gateAfter, leavesGateAlone, OPEN_GATE, passage } from '../../src/core/gate.js';
import type { Gate, Signal } from '../../src/core/gate.js';
import { same } from '../support/same.js';
import { ANSWERED, blocked, MURMUR, probed, REFUSED, signal, SILENCE } from './gate-readings.js';

const RETRY_BASE_MS = 1000;
const START_MS = 1_800_000_000_000;

interface Model {
  nowMs: number;
  /** What only a person ends. */
  stuck: 'credentials' | 'quota' | null;
  pausedUntilMs: number;
  /** What an answer ends. */
  trouble: 'outage' | 'contract' | null;
  silent: number;
  refusedAlone: Set<string>;
}
interface Real {
  gate: Gate;
}
type Step = fc.Command<Model, Real>;

const paused = (model: Model) => model.pausedUntilMs > model.nowMs;
const accused = (model: Model) => model.trouble === 'contract' && model.refusedAlone.size >= 20;

/** The last relevant event decides: this model keeps only what each sentence about gates needs. */
function foretell(model: Model, { reading, refusedAlone }: Signal): void {
  if (reading.verdict === 'blocked') return foretellBlock(model, reading.reason, reading.retryAfterMs);
  if (model.stuck !== null) return;
  if (reading.verdict === 'unclear' && reading.silent) {
    model.silent += 1;
    if (!paused(model) && model.trouble === null && model.silent >= 5) model.trouble = 'outage';
    return;
  }
  model.silent = 0;
  const wasAccused = accused(model);
  if (reading.verdict === 'answered') model.refusedAlone.clear();
  if (!wasAccused || reading.verdict === 'answered') model.trouble = null;
  if (wasAccused || refusedAlone === null) return;
  model.refusedAlone.add(refusedAlone);
  if (!paused(model) && model.refusedAlone.size >= 20) model.trouble = 'contract';
}

function foretellBlock(model: Model, reason: string, retryAfterMs: number | null): void {
  if (reason === 'credentials' || (reason === 'quota' && model.stuck === null)) model.stuck = reason;
  if (model.stuck !== null) return;
  if (reason === 'rate') {
    const pauseMs = Math.min(Math.max(retryAfterMs ?? 60_000, 1000), 3_600_000);
    model.pausedUntilMs = Math.max(model.pausedUntilMs, model.nowMs + pauseMs);
    [model.trouble, model.silent] = [null, 0];
  }
  if (reason === 'contract' && !paused(model)) [model.trouble, model.silent] = ['contract', 0];
}

/** The gate after a call, compared with the model and with what the call may change. */
function follow(before: Gate, told: Signal, model: Model): Gate {
  const { gate, giveBack, reopen, wholeProvider } = gateAfter(before, told, model.nowMs, RETRY_BASE_MS);
  agree(model, gate);
  const { reading } = told;
  same(wholeProvider, reading.verdict === 'blocked' && ['credentials', 'quota'].includes(reading.reason));
  if (giveBack.length > 0) {
    same([current(before, model.nowMs).reason, gate.reason === null], [null, false]);
    same(giveBack, before.silent);
  }
  if (reopen.length > 0) expect(reopen).toContain(told.refusedAlone);
  if (leavesGateAlone(before, told)) same(gate, before);
  // Only probes make the next probe wait longer.
  if (!told.probe && gate.reason === before.reason && (gate.reason === 'outage' || gate.reason === 'contract')) {
    same([gate.untilMs, gate.probeDelayMs], [before.untilMs, before.probeDelayMs]);
  }
  return gate;
}

class Told implements Step {
  constructor(private readonly told: Signal) {}
  check = () => true;
  run(model: Model, real: Real): void {
    foretell(model, this.told);
    real.gate = follow(real.gate, this.told, model);
  }
  toString = () => JSON.stringify([this.told.reading, this.told.refusedAlone]);
}

class Waits implements Step {
  constructor(private readonly ms: number) {}
  check = () => true;
  run(model: Model, real: Real): void {
    model.nowMs += this.ms;
    agree(model, real.gate);
  }
  toString = () => `${this.ms} ms pass`;
}

class Resumes implements Step {
  check = () => true;
  run(model: Model, real: Real): void {
    Object.assign(model, fresh(model.nowMs));
    real.gate = OPEN_GATE;
  }
  toString = () => 'resume';
}

function agree(model: Model, gate: Gate): void {
  const reason = model.stuck ?? (paused(model) ? 'rate' : model.trouble);
  same(current(gate, model.nowMs).reason, reason);
  const way = passage(gate, model.nowMs);
  same(way === 'open', reason === null);
  if (reason === 'rate' || reason === 'credentials' || reason === 'quota') same(way, 'closed');
  if (reason === 'outage' || reason === 'contract') {
    same(gate.probeDelayMs >= RETRY_BASE_MS, true);
    same(gate.probeDelayMs <= 300_000, true);
    same((gate.untilMs ?? Infinity) <= model.nowMs + 300_000, true);
  }
  same(gate.reason === null, gate.sinceMs === null);
}

function fresh(nowMs: number): Model {
  const nothing = { stuck: null, pausedUntilMs: 0, trouble: null, silent: 0 };
  return { nowMs, ...nothing, refusedAlone: new Set() };
}

let calls = 0;
const told = (reading: Signal['reading']) => new Told(signal(reading, `attempt${calls++}`));
const probe = (reading: Signal['reading']) => new Told(probed(reading, `attempt${calls++}`));
const steps: fc.Arbitrary<Step>[] = [
  fc.constant(new Told(signal(ANSWERED))),
  fc.constant(new Told(signal(REFUSED))),
  fc.constant(new Told(signal(MURMUR))),
  fc.nat().map(() => told(SILENCE)),
  fc.nat().map(() => told(SILENCE)),
  fc.nat().map(() => probe(SILENCE)),
  fc.constantFrom(REFUSED, blocked('contract')).map(probe),
  fc.nat(40).map((item) => new Told(signal(REFUSED, `lone${item}`, `request/${item}`))),
  fc.option(fc.integer({ min: 0, max: 4_000_000 })).map((ms) => new Told(signal(blocked('rate', ms)))),
  fc.constantFrom('credentials', 'quota', 'contract').map((reason) => new Told(signal(blocked(reason)))),
  fc.integer({ min: 1, max: 400_000 }).map((ms) => new Waits(ms)),
  fc.constant(new Resumes()),
];

/** Long rows of one thing, which single steps hardly ever make. */
const rows: fc.Arbitrary<Step>[] = [
  fc.nat().map(() => told(SILENCE)),
  fc.nat().map(() => probe(SILENCE)),
  fc.nat(60).map((item) => new Told(signal(REFUSED, `lone${item}`, `request/${item}`))),
  fc.nat(60).map((item) => new Told(signal(REFUSED, `lone${item}`, `request/${item}`))),
  fc.integer({ min: 900, max: 5000 }).map((ms) => new Waits(ms)),
  fc.nat(400).map((one) => (one === 0 ? new Told(signal(ANSWERED)) : new Waits(1))),
];

describe('a gate in any sequence of calls', () => {
  for (const [name, kinds, maxCommands] of [
    ['of every kind', steps, 60],
    ['of long rows', rows, 150],
  ] as const) {
    it(`stands as the last relevant event says: ${name}`, () => {
      fc.assert(
        fc.property(fc.commands([...kinds], { maxCommands, size: 'max' }), (commands) => {
          fc.modelRun(() => ({ model: fresh(START_MS), real: { gate: OPEN_GATE } }), commands);
        }),
        { numRuns: 1000 },
      );
    });
  }

  it('is left alone only by calls that would leave it exactly as it is', () => {
    const readings = [ANSWERED, REFUSED, MURMUR, SILENCE, blocked('rate'), blocked('quota')];
    const left = readings.filter((reading) => leavesGateAlone(OPEN_GATE, signal(reading)));
    expect(left).toEqual([ANSWERED, REFUSED]);
    expect(leavesGateAlone(OPEN_GATE, signal(REFUSED, 'a', 'request/item'))).toBe(false);
  });
});
