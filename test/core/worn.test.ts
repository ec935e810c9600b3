import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Reading } from '../../src/core/answer.js';
import { gateAfter, OPEN_GATE, passage, SILENT_MAX } from '../../src/core/gate.js';
import type { Gate } from '../../src/core/gate.js';
import { advance } from '../../src/core/item.js';
import { FRESH } from '../../src/core/history.js';
import type { Happening, Next } from '../../src/core/item.js';
import { restsNow } from '../../src/core/worn.js';
import { ABOUT, NOW_MS } from './arbitrary-items.js';
import { ANSWERED, REFUSED, SILENCE, signal } from './gate-readings.js';

/** What happens at a system at which one item, always alone, never gets a word. */
type Step = 'mine in silence' | 'mine, and we crash' | 'another in silence' | 'another answered' | 'another refused';
const ANOTHER: Partial<Record<Step, Reading>> = {
  'another in silence': SILENCE,
  'another answered': ANSWERED,
  'another refused': REFUSED,
};

/** The item and the gate of its system, as calls go by: what record-answers and dispatch-due do, without a database. */
class World {
  gate: Gate = OPEN_GATE;
  item: Next = { ...FRESH, outcome: 'pending', evidence: null, reason: null, again: 'now' };
  rests = false;
  calls = 0;
  /** Whether its attempts were ever given back after it came to rest. */
  wronged = false;
  private readonly spentBy = new Set<string>();
  private answeredSince = false;
  private seq = 0;

  constructor(readonly attemptsMax: number) {}

  get closed(): boolean {
    return passage(this.gate, NOW_MS) !== 'open';
  }

  take(step: Step): void {
    const attemptId = `attempt${this.seq++}`;
    const other = ANOTHER[step];
    if (other) {
      if (other !== SILENCE) this.answeredSince = true;
      this.tell(other, attemptId);
    } else if (!this.rests && !this.closed) {
      this.look();
      if (!this.rests) this.call(step, attemptId);
    }
  }

  /** The item is due. */
  private look(): void {
    const inSilentRow = this.gate.silent.some((id) => this.spentBy.has(id));
    const { attemptsMax, answeredSince } = this;
    this.rests = restsNow({ spent: this.item.spent, attemptsMax, inSilentRow, answeredSince });
  }

  private call(step: Step, attemptId: string): void {
    this.calls += 1;
    this.answeredSince = false;
    const crash = step === 'mine, and we crash';
    if (!crash) this.tell(SILENCE, attemptId);
    const happening: Happening = crash ? { kind: 'interrupted' } : { kind: 'unclear', effect: 'unknown', silent: true };
    const { attemptsMax } = this;
    const next = advance(this.item, happening, { ...ABOUT, alone: true, attemptsMax, free: this.closed });
    if (next.spent > this.item.spent) this.spentBy.add(attemptId);
    this.item = next;
  }

  private tell(reading: Reading, attemptId: string): void {
    const { gate, giveBack } = gateAfter(this.gate, signal(reading, attemptId), NOW_MS, 1000);
    const back = giveBack.filter((id) => this.spentBy.delete(id)).length;
    if (this.rests && back > 0) this.wronged = true;
    this.gate = gate;
    this.item = { ...this.item, spent: this.item.spent - back };
  }
}

const steps = fc.array(
  fc.constantFrom<Step>(
    'mine in silence',
    'mine in silence',
    'mine, and we crash',
    'another in silence',
    'another in silence',
    'another answered',
    'another refused',
  ),
  { maxLength: 60, size: 'max' },
);
const budgets = fc.integer({ min: 1, max: 9 });
function lived(attemptsMax: number, happened: readonly Step[]): World {
  const world = new World(attemptsMax);
  for (const step of happened) world.take(step);
  return world;
}

describe('an item that never gets a word', () => {
  it('never comes to rest on attempts that the gate gives back, whatever comes after', () => {
    fc.assert(
      fc.property(budgets, steps, (attemptsMax, happened) => {
        const outage = Array.from({ length: SILENT_MAX }, (): Step => 'another in silence');
        expect(lived(attemptsMax, [...happened, ...outage]).wronged).toBe(false);
      }),
      { numRuns: 5000 },
    );
  });

  it('loses nothing to an outage: what is spent then was spent while its system answered others, or by crashes', () => {
    fc.assert(
      fc.property(budgets, fc.integer({ min: 1, max: 30 }), (attemptsMax, calls) => {
        const world = lived(
          attemptsMax,
          Array.from({ length: calls }, () => 'mine in silence'),
        );
        expect(world.item.outcome).toBe('pending');
        expect([world.calls, world.closed]).toEqual([Math.min(calls, SILENT_MAX), calls >= SILENT_MAX]);
        if (world.closed) expect(world.item.spent).toBe(0);
      }),
    );
  });

  it('rests after exactly its attempts while its system answers others in between', () => {
    fc.assert(
      fc.property(budgets, fc.constantFrom<Step>('another answered', 'another refused'), (attemptsMax, other) => {
        const rounds = Array.from({ length: 20 }, (): Step[] => ['mine in silence', other]).flat();
        const world = lived(attemptsMax, rounds);
        expect([world.rests, world.calls, world.item.spent]).toEqual([true, attemptsMax, attemptsMax]);
      }),
    );
  });

  it('is sent at most so often while the gate stays open that a row could close it', () => {
    fc.assert(
      fc.property(budgets, steps, (attemptsMax, happened) => {
        const world = new World(attemptsMax);
        let crashes = 0;
        for (const step of happened) {
          world.take(step);
          if (step === 'mine, and we crash') crashes += 1;
          if (world.closed) return;
        }
        expect(world.calls).toBeLessThanOrEqual(attemptsMax + SILENT_MAX + crashes);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('an item that crashes us', () => {
  it('is asked again while nobody else gets an answer, and rests once others do', () => {
    const crashes = Array.from({ length: 12 }, (): Step => 'mine, and we crash');
    expect(lived(8, crashes)).toMatchObject({ rests: false, calls: 12, item: { outcome: 'pending', spent: 8 } });
    expect(lived(8, [...crashes, 'another answered', 'mine in silence'])).toMatchObject({ rests: true, calls: 12 });
    const rounds = Array.from({ length: 20 }, (): Step[] => ['mine, and we crash', 'another answered']).flat();
    expect(lived(8, rounds)).toMatchObject({ rests: true, calls: 8 });
  });
});
