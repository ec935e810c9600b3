import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { advance, CLEAR_PASSES_MAX } from '../../src/core/item.js';
import { FRESH } from '../../src/core/history.js';
import type { Happening } from '../../src/core/item.js';
import type { History } from '../../src/core/history.js';
import { ABOUT, circumstances, passes } from './arbitrary-items.js';
import type { Pass } from './arbitrary-items.js';

const ALONE = { ...ABOUT, alone: true };

function pass(about: Partial<Omit<Pass, 'kind' | 'pass'>> & Partial<Pass['pass']> = {}): Pass {
  const { clear = true, nothing = false, count = null, erased = false, open = false, exhausted = false } = about;
  return { kind: 'pass', pass: { clear, nothing, count }, erased, open, exhausted };
}
const NOTHING = pass({ nothing: true });
const ERASING = pass({ erased: true });

function after(...happenings: readonly Happening[]): ReturnType<typeof advance> {
  const [first, ...others] = happenings;
  if (!first) throw new Error('nothing happened');
  return others.reduce<ReturnType<typeof advance>>(
    (next, happening) => {
      expect(next.outcome).toBe('pending');
      return advance(next, happening, ALONE);
    },
    advance(FRESH, first, ALONE),
  );
}

describe('a selector', () => {
  it('is repeated at once after a pass that erased, until a clear pass reports nothing', () => {
    expect(after(ERASING)).toMatchObject({ outcome: 'pending', again: 'now', backoff: 0, passes: 1 });
    expect(after(ERASING, NOTHING)).toMatchObject({ outcome: 'erased', evidence: 'provider' });
  });

  it('matched nothing when its first clear pass reports nothing', () => {
    expect(after(NOTHING)).toMatchObject({ outcome: 'nothing_matched', evidence: 'provider' });
  });

  it('matched nothing when all that it reported were refusals, once a pass reports no other', () => {
    expect(after(pass(), pass({ exhausted: true }))).toMatchObject({ outcome: 'nothing_matched' });
  });

  it('is erased when a pass erased something and the last reports nothing but IDs already refused', () => {
    expect(after(ERASING, pass({ exhausted: true }))).toMatchObject({ outcome: 'erased', evidence: 'provider' });
  });

  it('is erased by repetition when nothing is left after a call of unknown effect', () => {
    for (const unknown of [
      { kind: 'interrupted' },
      { kind: 'unclear', effect: 'unknown', silent: false },
      pass({ clear: false }),
    ]) {
      expect(after(unknown as Happening, NOTHING)).toMatchObject({ outcome: 'erased', evidence: 'repeat' });
    }
  });

  it('matched nothing after a call that is known to have had no effect', () => {
    expect(after({ kind: 'unclear', effect: 'none', silent: false }, NOTHING).outcome).toBe('nothing_matched');
    expect(after({ kind: 'blocked', effect: 'none' }, NOTHING).outcome).toBe('nothing_matched');
  });

  it('is not done with a pass that reported nothing but was not clear', () => {
    expect(after(pass({ clear: false, nothing: true }))).toMatchObject({ outcome: 'pending', spent: 1 });
  });

  it('waits before it asks again when a pass left something open', () => {
    expect(after(pass({ open: true }))).toMatchObject({ again: 'backoff', backoff: 1 });
    expect(after(pass({ open: true }), pass({ open: true }))).toMatchObject({ again: 'backoff', backoff: 2 });
  });

  it(`is unconfirmed after ${CLEAR_PASSES_MAX} clear passes, whatever was erased`, () => {
    expect(CLEAR_PASSES_MAX).toBe(5);
    const four = Array.from({ length: 4 }, () => ERASING);
    expect(after(...four)).toMatchObject({ outcome: 'pending', passes: 4 });
    expect(after(...four, ERASING)).toMatchObject({ outcome: 'unconfirmed', evidence: null });
    expect(after(...four, NOTHING)).toMatchObject({ outcome: 'erased' });
  });

  it('is unconfirmed when its attempts are spent, whatever was erased', () => {
    const erased: History = { ...FRESH, erasedSeen: true, spent: 7 };
    expect(advance(erased, pass({ clear: false }), ALONE).outcome).toBe('unconfirmed');
    expect(advance(erased, { kind: 'unclear', effect: 'unknown', silent: false }, ALONE).outcome).toBe('unconfirmed');
  });

  it('counts what a tag reported over all passes', () => {
    const counted = after(
      pass({ count: 3, erased: true }),
      pass({ count: 2, erased: true }),
      pass({ count: 0, nothing: true }),
    );
    expect(counted).toMatchObject({ outcome: 'erased', matched: 5 });
    expect(after(pass({ count: 0, nothing: true }))).toMatchObject({ outcome: 'nothing_matched', matched: 0 });
  });

  it('is never called cancelled after a pass that erased', () => {
    const next = advance(FRESH, ERASING, { ...ALONE, cancelled: true });
    expect(next.outcome).toBe('unconfirmed');
    expect(advance({ ...FRESH, erasedSeen: true }, { kind: 'refused' }, { ...ABOUT, cancelled: true }).outcome).toBe(
      'unconfirmed',
    );
  });

  it('ends within the passes and attempts allowed, whatever the provider answers', () => {
    fc.assert(
      fc.property(fc.array(passes, { minLength: 13, maxLength: 13 }), circumstances, (seen, about) => {
        let history: History = FRESH;
        for (const [index, one] of seen.entries()) {
          const next = advance(history, one, { ...about, attemptsMax: 8, free: false });
          if (next.outcome !== 'pending') return;
          expect(index).toBeLessThan(CLEAR_PASSES_MAX - 1 + 8 - 1);
          history = next;
        }
        throw new Error('it was still pending');
      }),
      { numRuns: 1000 },
    );
  });

  it('spends no attempt on a clear pass', () => {
    fc.assert(
      fc.property(passes, circumstances, (one, about) => {
        const next = advance(FRESH, one, { ...about, free: false });
        expect(next.spent).toBe(one.pass.clear ? 0 : 1);
      }),
      { numRuns: 500 },
    );
  });

  it('is judged by a model: clear passes that erased, unknown effects, and the last pass decide', () => {
    fc.assert(
      fc.property(fc.array(passes, { maxLength: 12 }), (seen) => {
        let history: History = FRESH;
        let [erased, unknown] = [false, false];
        for (const one of seen) {
          const next = advance(history, one, { ...ALONE, attemptsMax: 100 });
          erased ||= one.erased;
          unknown ||= !one.pass.clear;
          const isLast = one.pass.clear && (one.pass.nothing || one.exhausted);
          if (isLast) {
            const expected = erased
              ? ['erased', 'provider']
              : unknown
                ? ['erased', 'repeat']
                : ['nothing_matched', 'provider'];
            expect([next.outcome, next.evidence]).toEqual(expected);
            return;
          }
          expect(['pending', 'unconfirmed']).toContain(next.outcome);
          if (next.outcome === 'unconfirmed') return;
          history = next;
        }
      }),
      { numRuns: 2000 },
    );
  });
});
