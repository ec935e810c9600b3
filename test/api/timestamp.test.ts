import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readTimestamp } from '../../src/api/timestamp.js';

const YEARS_1970_TO_9999 = {
  min: new Date(0),
  max: new Date('9999-12-31T23:59:59.999Z'),
  noInvalidDate: true,
} as const;

describe('a time', () => {
  it('that we write is read as what it was', () => {
    fc.assert(
      fc.property(fc.date(YEARS_1970_TO_9999), (date) => {
        expect(readTimestamp(date.toISOString())).toEqual(date);
      }),
      { numRuns: 1000 },
    );
  });

  it('on a day that no calendar has is none', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1971, max: 9998 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 31 }),
        (y, m, d) => {
          const day = `${y}-${String(m).padStart(2, '0')}-${String(d).padStart(2, '0')}`;
          const exists = new Date(`${day}T00:00:00Z`).toISOString().startsWith(day);
          expect(readTimestamp(`${day}T12:00:00Z`) !== null).toBe(exists);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['2026-11-02T09:00:00Z', '2026-11-02T09:00:00.000Z'],
    ['2026-11-02t09:00:00z', '2026-11-02T09:00:00.000Z'],
    ['2026-11-02T09:00:00.123456789+05:30', '2026-11-02T03:30:00.123Z'],
    ['2024-02-29T23:59:59-23:59', '2024-03-01T23:58:59.000Z'],
    ['2000-02-29T00:00:00Z', '2000-02-29T00:00:00.000Z'],
  ])('%s is %s', (text, utc) => {
    expect(readTimestamp(text)?.toISOString()).toBe(utc);
  });

  it.each([
    '2026-11-02',
    '2026-11-02T09:00:00',
    '2026-11-02 09:00:00Z',
    '2026-11-02T09:00Z',
    '2026-11-02T24:00:00Z',
    '2026-11-02T09:60:00Z',
    '2026-12-31T23:59:60Z',
    '2026-11-02T09:00:00+24:00',
    '2026-11-02T09:00:00.Z',
    '2026-13-01T00:00:00Z',
    '2026-00-01T00:00:00Z',
    '2026-01-00T00:00:00Z',
    '1900-02-29T00:00:00Z',
    '2100-02-29T00:00:00Z',
    '1969-12-31T23:59:59Z',
    '1970-01-01T00:00:00+01:00',
    '9999-12-31T23:59:59-01:00',
    '+2026-11-02T09:00:00Z',
    ' 2026-11-02T09:00:00Z',
    '2026-11-02T09:00:00Z\n',
    'now',
    '',
  ])('%j is none', (text) => {
    expect(readTimestamp(text)).toBeNull();
  });
});
