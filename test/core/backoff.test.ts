import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BACKOFF_CAP_MS, backoffMs } from '../../src/core/backoff.js';

const uniform = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const ALMOST_ONE = 1 - Number.EPSILON;

describe('back-off', () => {
  it('is a whole number of milliseconds within the doubled base and the cap of 15 minutes', () => {
    expect(BACKOFF_CAP_MS).toBe(15 * 60 * 1000);
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 40_000 }),
        fc.integer({ min: 1, max: 60_000 }),
        uniform,
        (step, base, dice) => {
          const waitMs = backoffMs(step, base, dice);
          expect(Number.isSafeInteger(waitMs)).toBe(true);
          expect(waitMs).toBeGreaterThanOrEqual(0);
          expect(waitMs).toBeLessThanOrEqual(Math.min(BACKOFF_CAP_MS, base * 2 ** Math.max(step - 1, 0)));
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('doubles its ceiling with every step until the cap', () => {
    const ceilings = Array.from({ length: 12 }, (_, index) => backoffMs(index + 1, 1000, ALMOST_ONE) + 1);
    expect(ceilings).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900].map((seconds) => seconds * 1000));
  });

  it('spreads over its whole step: full jitter', () => {
    expect(backoffMs(5, 1000, 0)).toBe(0);
    expect(backoffMs(5, 1000, 0.5)).toBe(8000);
  });
});
