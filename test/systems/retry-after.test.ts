import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { parseRetryAfter } from '../../src/systems/retry-after.js';

const now = Date.UTC(2026, 10, 21, 12, 0, 0);

describe('Retry-After', () => {
  it('reads digits as seconds', () => {
    expect(parseRetryAfter(['120'], now)).toBe(120_000);
    expect(parseRetryAfter([' 0 '], now)).toBe(0);
  });

  it('reads all three dates of RFC 9110', () => {
    const minute = ['Sat, 21 Nov 2026 12:01:00 GMT', 'Saturday, 21-Nov-26 12:01:00 GMT', 'Sat Nov 21 12:01:00 2026'];
    for (const date of minute) expect(parseRetryAfter([date], now)).toBe(60_000);
    expect(parseRetryAfter(['Tue Dec  1 12:00:00 2026'], now)).toBe(10 * 86_400_000);
    expect(parseRetryAfter(['Sunday, 06-Nov-94 08:49:37 GMT'], now)).toBeNull();
  });

  it('is null for what is past, absent, contradictory or none of these', () => {
    const nothing = [
      [],
      [''],
      ['-1'],
      ['1.5'],
      ['3, 5'],
      ['1', '2'],
      ['Sat, 21 Nov 2026 11:59:59 GMT'],
      ['Sun, 21 Nov 2026 12:01:00 GMT'],
      ['Tue, 31 Nov 2026 12:01:00 GMT'],
      ['Sat, 21 Nov 2026 25:01:00 GMT'],
      ['Sat, 21 Nov 2026 12:01:00 +0000'],
      ['2026-11-21T12:01:00Z'],
      ['Satday, 21-Nov-26 12:01:00 GMT'],
    ];
    for (const values of nothing) expect(parseRetryAfter(values, now)).toBeNull();
    expect(parseRetryAfter(['7', '7'], now)).toBe(7_000);
  });

  it('gives back every date that it is given in the form of HTTP', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_000_000_000 }), (seconds) => {
        expect(parseRetryAfter([new Date(now + seconds * 1000).toUTCString()], now)).toBe(seconds * 1000);
      }),
      { numRuns: 300 },
    );
  });

  it('never throws and is never negative', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 3 }), fc.integer({ min: 0 }), (values, receivedAt) => {
        const pauseMs = parseRetryAfter(values, receivedAt);
        expect(pauseMs === null || pauseMs >= 0).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
