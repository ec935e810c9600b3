import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { advance, UNCLEAR_REST_MS } from '../../src/core/item.js';
import { FRESH } from '../../src/core/history.js';
import type { Circumstances, Happening } from '../../src/core/item.js';
import type { History } from '../../src/core/history.js';
import {
  ABOUT,
  ABSENT,
  calls,
  callsOfIds,
  circumstances,
  ERASED,
  histories,
  LATER,
  NOW_MS,
  UNCLEAR,
} from './arbitrary-items.js';

const ALONE: Circumstances = { ...ABOUT, alone: true };
const pass = (clear: boolean, nothing = false): Happening => ({
  kind: 'pass',
  pass: { clear, nothing, count: null },
  erased: false,
  open: false,
  exhausted: false,
});

/** What one call spends, in company and alone. */
const SPENDS: readonly (readonly [name: string, happening: Happening, inCompany: 0 | 1, alone: 0 | 1])[] = [
  ['named for later', { kind: 'answer', answer: LATER }, 1, 1],
  ['left out of an answer that parsed', { kind: 'answer', answer: UNCLEAR }, 1, 1],
  ['erased', { kind: 'answer', answer: ERASED }, 0, 0],
  ['absent', { kind: 'answer', answer: ABSENT }, 0, 0],
  ['no clear answer, nothing left us', { kind: 'unclear', effect: 'none', silent: false }, 0, 1],
  ['no clear answer', { kind: 'unclear', effect: 'unknown', silent: false }, 0, 1],
  ['not a word', { kind: 'unclear', effect: 'unknown', silent: true }, 0, 1],
  ['begun and never completed', { kind: 'interrupted' }, 0, 1],
  ['refused as a whole', { kind: 'refused' }, 0, 0],
  ['a 429, credentials or quota', { kind: 'blocked', effect: 'none' }, 0, 0],
  ['a redirect or a 405', { kind: 'blocked', effect: 'unknown' }, 0, 0],
  ['a clear pass', pass(true), 0, 0],
  ['a clear pass that reported nothing', pass(true, true), 0, 0],
  ['a pass that could not be read', pass(false), 1, 1],
];

describe('an attempt', () => {
  for (const [name, happening, inCompany, alone] of SPENDS) {
    it(`is ${inCompany ? '' : 'not '}spent in company and ${alone ? '' : 'not '}alone: ${name}`, () => {
      expect(advance(FRESH, happening, ABOUT).spent).toBe(inCompany);
      expect(advance(FRESH, happening, ALONE).spent).toBe(alone);
    });
  }

  it('is never spent by a probe, nor by a call that closed the gate', () => {
    fc.assert(
      fc.property(histories, calls, circumstances, (history, happening, about) => {
        expect(advance(history, happening, { ...about, free: true }).spent).toBe(history.spent);
      }),
      { numRuns: 2000 },
    );
  });

  it('is the last one of nobody through a closed gate, however many were spent before', () => {
    const worn: History = { ...FRESH, spent: 20 };
    for (const [, happening] of SPENDS) {
      expect(advance(worn, happening, { ...ALONE, free: true }).outcome).not.toBe('unconfirmed');
    }
  });

  it('lets an item rest as unconfirmed when it was the last of the budget', () => {
    for (const attemptsMax of [1, 2, 8]) {
      const before: History = { ...FRESH, spent: attemptsMax - 1 };
      for (const happening of [
        { kind: 'answer', answer: LATER },
        { kind: 'unclear', effect: 'none', silent: false },
      ] as const) {
        expect(advance(before, happening, { ...ALONE, attemptsMax }).outcome).toBe('unconfirmed');
        expect(advance(before, happening, { ...ALONE, attemptsMax: attemptsMax + 1 }).outcome).toBe('pending');
      }
    }
  });

  it('is never the last of an item where nobody spoke: silence may be an outage, a crash is our own', () => {
    const wordless = fc.constantFrom<Happening>(
      { kind: 'unclear', effect: 'none', silent: true },
      { kind: 'unclear', effect: 'unknown', silent: true },
      { kind: 'interrupted' },
    );
    fc.assert(
      fc.property(histories, wordless, circumstances, (history, happening, about) => {
        const next = advance(history, happening, { ...about, cancelled: false });
        const unclearMs = NOW_MS - (history.unclearSinceMs ?? NOW_MS);
        expect(next.outcome).toBe(unclearMs >= UNCLEAR_REST_MS ? 'unconfirmed' : 'pending');
        expect(next.spent).toBeLessThanOrEqual(Math.max(history.spent, about.attemptsMax));
      }),
      { numRuns: 2000 },
    );
  });

  it('is spent at most as often as the budget allows while the system is open and answers others', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.array(fc.tuple(callsOfIds, fc.boolean())),
        (attemptsMax, steps) => {
          let history: History = FRESH;
          for (const [call, alone] of steps) {
            const next = advance(history, call, { ...ABOUT, alone, attemptsMax });
            expect(next.spent).toBeLessThanOrEqual(attemptsMax);
            if (next.outcome !== 'pending') return;
            if (call.kind === 'answer') expect(next.spent).toBeLessThan(attemptsMax);
            history = next;
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('the company of an item', () => {
  it('is halved at once, without back-off, when its call was refused', () => {
    const next = advance({ ...FRESH, backoff: 5, strikes: 1 }, { kind: 'refused' }, ABOUT);
    expect(next).toMatchObject({ outcome: 'pending', again: 'split', backoff: 0, strikes: 0, spent: 0 });
  });

  it('is kept after one unclear call and halved after two in a row, both with back-off', () => {
    for (const about of [ABOUT, { ...ABOUT, free: true }]) {
      const first = advance(FRESH, { kind: 'unclear', effect: 'unknown', silent: false }, about);
      expect(first).toMatchObject({ again: 'together', backoff: 1, strikes: 1 });
      const second = advance(first, { kind: 'unclear', effect: 'unknown', silent: false }, about);
      expect(second).toMatchObject({ again: 'split_backoff', backoff: 2, strikes: 0 });
      expect(advance(second, { kind: 'unclear', effect: 'unknown', silent: false }, about)).toMatchObject({
        again: 'together',
      });
    }
  });

  it('is never halved for an item alone', () => {
    fc.assert(
      fc.property(histories, callsOfIds, circumstances, (history, happening, about) => {
        const { again } = advance(history, happening, { ...about, alone: true });
        expect(again).not.toBe('split');
        expect(again).not.toBe('split_backoff');
        expect(again).not.toBe('together');
      }),
      { numRuns: 1000 },
    );
  });

  it('is free to change after an answer, and the back-off grows with every answer that left the item unsettled', () => {
    const first = advance({ ...FRESH, strikes: 1 }, { kind: 'answer', answer: LATER }, ABOUT);
    expect(first).toMatchObject({ again: 'backoff', backoff: 1, strikes: 0 });
    expect(advance(first, { kind: 'answer', answer: UNCLEAR }, ABOUT)).toMatchObject({ again: 'backoff', backoff: 2 });
  });

  it('goes again as soon as its system takes calls when the system was blocked', () => {
    const next = advance({ ...FRESH, backoff: 3 }, { kind: 'blocked', effect: 'none' }, ABOUT);
    expect(next).toMatchObject({ outcome: 'pending', again: 'now', backoff: 3, unknownEffect: false });
  });
});
