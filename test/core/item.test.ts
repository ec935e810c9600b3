import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { advance, OUTCOMES, PROVEN, TRANSITIONS, UNCLEAR_REST_MS } from '../../src/core/item.js';
import { FRESH, retried } from '../../src/core/history.js';
import type { Happening, Next, Outcome } from '../../src/core/item.js';
import type { History } from '../../src/core/history.js';
import {
  ABOUT,
  ABSENT,
  calls,
  callsOfIds,
  circumstances,
  DAY_MS,
  ERASED,
  hasUnknownEffect,
  histories,
  LATER,
  NOW_MS,
  UNCLEAR,
  WORDLESS,
} from './arbitrary-items.js';

const RUNS = { numRuns: 3000 };
const answer = (said: typeof ERASED): Happening => ({ kind: 'answer', answer: said });

describe('an item after a call', () => {
  it('is gone only where the answer about this very item says so', () => {
    fc.assert(
      fc.property(histories, calls, circumstances, (history, happening, about) => {
        const next = advance(history, happening, about);
        if (!PROVEN.includes(next.outcome)) return;
        const said = happening.kind === 'answer' && ['erased', 'absent'].includes(happening.answer.said);
        const empty =
          happening.kind === 'pass' && happening.pass.clear && (happening.pass.nothing || happening.exhausted);
        expect(said || empty).toBe(true);
      }),
      RUNS,
    );
  });

  it('is written with evidence exactly where it is gone, and with a reason exactly where it failed', () => {
    fc.assert(
      fc.property(histories, calls, circumstances, (history, happening, about) => {
        const next = advance(history, happening, about);
        expect(next.evidence !== null).toBe(PROVEN.includes(next.outcome));
        expect(next.reason !== null).toBe(next.outcome === 'failed');
        expect(next.again !== null).toBe(next.outcome === 'pending');
      }),
      RUNS,
    );
  });

  it('moves only as the table of transitions lets it', () => {
    fc.assert(
      fc.property(histories, calls, circumstances, (history, happening, about) => {
        const { outcome } = advance(history, happening, about);
        expect(outcome === 'pending' || Object.keys(TRANSITIONS.pending).includes(outcome)).toBe(true);
      }),
      RUNS,
    );
  });

  it('reaches every outcome', () => {
    const pass = (nothing: boolean): Happening => ({
      kind: 'pass',
      pass: { clear: true, nothing, count: null },
      erased: false,
      open: false,
      exhausted: false,
    });
    const reached = [
      advance(FRESH, answer(LATER), ABOUT),
      advance(FRESH, answer(ERASED), ABOUT),
      advance(FRESH, answer(ABSENT), ABOUT),
      advance(FRESH, pass(true), ABOUT),
      advance({ ...FRESH, spent: 7 }, answer(LATER), ABOUT),
      advance(FRESH, { kind: 'refused' }, { ...ABOUT, alone: true }),
      advance(FRESH, { kind: 'refused' }, { ...ABOUT, cancelled: true }),
    ].map((next) => next.outcome);
    expect(new Set(reached)).toEqual(new Set(OUTCOMES));
    expect(new Set(Object.keys(TRANSITIONS.pending))).toEqual(
      new Set<Outcome>(OUTCOMES.filter((outcome) => outcome !== 'pending')),
    );
  });

  it('keeps what a call of unknown effect may have done for its whole life, retries by hand included', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ call: callsOfIds, about: circumstances, byHand: fc.boolean() }), { maxLength: 30 }),
        (steps) => {
          let history: History = FRESH;
          let unknown = false;
          for (const { call, about, byHand } of steps) {
            if (byHand) history = retried(history);
            const next = advance(history, call, about);
            if (call.kind === 'answer' && call.answer.said === 'absent') {
              expect([next.outcome, next.evidence]).toEqual(
                unknown ? ['erased', 'repeat'] : ['already_absent', 'provider'],
              );
            }
            unknown ||= hasUnknownEffect(call);
            expect(next.unknownEffect).toBe(unknown);
            history = next;
          }
        },
      ),
      RUNS,
    );
  });

  it('is refused for good with the reason of its answer, and as rejected when its call was refused with it alone', () => {
    for (const reason of ['denied', 'rejected', 'contract'] as const) {
      const next = advance(FRESH, { kind: 'answer', answer: { said: 'refused', reason, ...WORDLESS } }, ABOUT);
      expect(next).toMatchObject({ outcome: 'failed', reason, evidence: null });
    }
    const alone = advance(FRESH, { kind: 'refused' }, { ...ABOUT, alone: true });
    expect(alone).toMatchObject({ outcome: 'failed', reason: 'rejected' });
  });

  it('carries the evidence of its answer: named, or by counts that agree', () => {
    for (const evidence of ['provider', 'reconciled'] as const) {
      const next = advance({ ...FRESH, unknownEffect: true }, answer({ said: 'erased', evidence, ...WORDLESS }), ABOUT);
      expect(next).toMatchObject({ outcome: 'erased', evidence });
    }
  });
});

describe('an item of a cancelled request', () => {
  it('is never left pending', () => {
    fc.assert(
      fc.property(histories, calls, circumstances, (history, happening, about) => {
        const next = advance(history, happening, { ...about, cancelled: true });
        expect(next.outcome).not.toBe('pending');
        expect(next.again).toBeNull();
      }),
      RUNS,
    );
  });

  it('is called cancelled only if no call of it could have deleted anything', () => {
    fc.assert(
      fc.property(histories, calls, circumstances, (history, happening, about) => {
        const next = advance(history, happening, { ...about, cancelled: true });
        if (next.outcome === 'cancelled') {
          expect(next.unknownEffect).toBe(false);
          expect(next.erasedSeen).toBe(false);
        }
      }),
      RUNS,
    );
  });

  it('gets the outcome of a clear answer that was under way', () => {
    const cancelled = { ...ABOUT, cancelled: true };
    expect(advance(FRESH, answer(ERASED), cancelled).outcome).toBe('erased');
    expect(advance(FRESH, answer(ABSENT), cancelled).outcome).toBe('already_absent');
    expect(advance(FRESH, answer(LATER), cancelled).outcome).toBe('cancelled');
    expect(advance(FRESH, answer(UNCLEAR), cancelled).outcome).toBe('unconfirmed');
    expect(advance(FRESH, { kind: 'interrupted' }, cancelled).outcome).toBe('unconfirmed');
  });
});

describe('an item whose calls stay unclear', () => {
  const unclear: readonly Happening[] = [
    answer(UNCLEAR),
    { kind: 'unclear', effect: 'none', silent: false },
    { kind: 'unclear', effect: 'unknown', silent: false },
    { kind: 'interrupted' },
    { kind: 'pass', pass: { clear: false, nothing: false, count: null }, erased: false, open: false, exhausted: false },
  ];

  it('rests as unconfirmed 14 days after the first, attempts left or not, in company or alone, probing or not', () => {
    const first = NOW_MS - UNCLEAR_REST_MS;
    expect(UNCLEAR_REST_MS).toBe(14 * DAY_MS);
    for (const happening of unclear) {
      for (const about of [ABOUT, { ...ABOUT, alone: true }, { ...ABOUT, free: true }]) {
        expect(advance({ ...FRESH, unclearSinceMs: first }, happening, about).outcome).toBe('unconfirmed');
        expect(advance({ ...FRESH, unclearSinceMs: first + 1 }, happening, about).outcome).toBe('pending');
      }
    }
  });

  it('counts the days from the first of them, and anew after a clear answer', () => {
    for (const happening of unclear) {
      const first = advance(FRESH, happening, ABOUT);
      expect(first.unclearSinceMs).toBe(NOW_MS);
      expect(advance(first, happening, { ...ABOUT, nowMs: NOW_MS + DAY_MS }).unclearSinceMs).toBe(NOW_MS);
    }
    const since: History = { ...FRESH, unclearSinceMs: NOW_MS - 13 * DAY_MS };
    expect(advance(since, answer(LATER), ABOUT).unclearSinceMs).toBeNull();
    expect(advance(since, { kind: 'refused' }, ABOUT).unclearSinceMs).toBeNull();
  });
});

describe('a retry by hand', () => {
  it('gives a new budget and keeps everything that calls may have done', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const again = retried(history);
        expect(again).toEqual({
          ...FRESH,
          unknownEffect: history.unknownEffect,
          erasedSeen: history.erasedSeen,
          matched: history.matched,
        } satisfies History);
      }),
    );
  });

  it('is the way back from failed and unconfirmed alone', () => {
    const back = OUTCOMES.filter((from) => from !== 'pending' && Object.hasOwn(TRANSITIONS[from], 'pending'));
    expect(back).toEqual(['unconfirmed', 'failed']);
  });
});

describe('the next step of an unsettled item', () => {
  it('never counts backwards', () => {
    fc.assert(
      fc.property(histories, calls, circumstances, (history, happening, about) => {
        const next: Next = advance(history, happening, about);
        expect(next.spent).toBeGreaterThanOrEqual(history.spent);
        expect(next.spent).toBeLessThanOrEqual(history.spent + 1);
        expect(next.passes).toBeGreaterThanOrEqual(history.passes);
        expect(next.matched ?? 0).toBeGreaterThanOrEqual(history.matched ?? 0);
        expect(next.erasedSeen || !history.erasedSeen).toBe(true);
      }),
      RUNS,
    );
  });
});
