import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OUTCOMES } from '../../src/core/item.js';
import { dueDate, requestStatus, STATUSES } from '../../src/core/request.js';
import type { Counts } from '../../src/core/request.js';

const NONE: Counts = {
  pending: 0,
  erased: 0,
  already_absent: 0,
  nothing_matched: 0,
  unconfirmed: 0,
  failed: 0,
  cancelled: 0,
  resolved: 0,
};
const few = fc.nat(3);
const counts: fc.Arbitrary<Counts> = fc
  .record({ ...Object.fromEntries(OUTCOMES.map((outcome) => [outcome, few])), resolved: few })
  .map((drawn) => ({ ...NONE, ...drawn }))
  .map((drawn) => ({ ...drawn, resolved: Math.min(drawn.resolved, drawn.failed + drawn.unconfirmed) }));

describe('the status of a request', () => {
  it('is queued until its first call, and running as long as anything is pending', () => {
    fc.assert(
      fc.property(counts, fc.integer({ min: 1, max: 5 }), (drawn, pending) => {
        expect(requestStatus({ ...drawn, pending }, false)).toBe('queued');
        expect(requestStatus({ ...drawn, pending }, true)).toBe('running');
      }),
    );
  });

  it('is cancelled with anything cancelled, attention with an open end, and completed when all is done', () => {
    fc.assert(
      fc.property(counts, fc.boolean(), (drawn, started) => {
        const settled = { ...drawn, pending: 0 };
        const isOpen = settled.failed + settled.unconfirmed > settled.resolved;
        const expected = settled.cancelled > 0 ? 'cancelled' : isOpen ? 'attention' : 'completed';
        expect(requestStatus(settled, started)).toBe(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('can be every one of the five', () => {
    const seen = [
      requestStatus({ ...NONE, pending: 1 }, false),
      requestStatus({ ...NONE, pending: 1, failed: 3 }, true),
      requestStatus({ ...NONE, nothing_matched: 1 }, true),
      requestStatus({ ...NONE, erased: 1, unconfirmed: 1 }, true),
      requestStatus({ ...NONE, cancelled: 1, failed: 1 }, false),
    ];
    expect(seen).toEqual([...STATUSES]);
    expect(requestStatus({ ...NONE, failed: 1, unconfirmed: 1, resolved: 2 }, true)).toBe('completed');
  });
});

const isLeap = (year: number) => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
const daysIn = (year: number, month: number) =>
  month === 2 ? (isLeap(year) ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;
const two = (value: number) => String(value).padStart(2, '0');

/** The rule in words, in calendar numbers alone: same-numbered day of the next month, or the last it has. */
function dueDay(year: number, month: number, day: number): string {
  const [nextYear, next] = month === 12 ? [year + 1, 1] : [year, month + 1];
  return `${nextYear}-${two(next)}-${two(Math.min(day, daysIn(nextYear, next)))}T23:59:59.999Z`;
}

describe('the due date', () => {
  it('is the end of the same-numbered day of the next month, on every day of leap and common years', () => {
    for (const year of [1999, 2000, 2023, 2024, 2025, 2026, 2027, 2028, 2096, 2099, 2100, 2101]) {
      for (let month = 1; month <= 12; month += 1) {
        for (let day = 1; day <= daysIn(year, month); day += 1) {
          for (const time of ['00:00:00.000', '12:34:56.789', '23:59:59.999']) {
            const receivedAt = new Date(`${year}-${two(month)}-${two(day)}T${time}Z`);
            expect(dueDate(receivedAt).toISOString()).toBe(dueDay(year, month, day));
          }
        }
      }
    }
  });

  it('is counted by the day in UTC, whatever the offset of the time received', () => {
    expect(dueDate(new Date('2026-02-01T00:30:00+02:00')).toISOString()).toBe('2026-02-28T23:59:59.999Z');
    expect(dueDate(new Date('2026-01-31T23:30:00-05:00')).toISOString()).toBe('2026-03-01T23:59:59.999Z');
  });

  it('comes no later for a request received earlier, and lies less than 32 days ahead', () => {
    const moments = fc.date({ min: new Date('1970-01-01'), max: new Date('2200-01-01'), noInvalidDate: true });
    fc.assert(
      fc.property(moments, moments, (a, b) => {
        const [first, second] = a <= b ? [a, b] : [b, a];
        expect(dueDate(first).getTime()).toBeLessThanOrEqual(dueDate(second).getTime());
        const days = (dueDate(a).getTime() - a.getTime()) / 86_400_000;
        expect(days).toBeGreaterThan(27);
        expect(days).toBeLessThan(32);
      }),
      { numRuns: 1000 },
    );
  });
});
