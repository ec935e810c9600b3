import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  messageBody,
  reception,
  RETRY_AFTER_MAX_MS,
  RETRY_DELAYS_MS,
  retryDelayMs,
} from '../../src/core/notification.js';

const HOUR_MS = 3_600_000;
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const tries = fc.integer({ min: 1, max: RETRY_DELAYS_MS.length });

describe('the schedule of a notification', () => {
  it('is that of Standard Webhooks: ten attempts over three days', () => {
    const minutes = RETRY_DELAYS_MS.map((ms) => ms / 60_000);
    expect(minutes).toEqual([5 / 60, 5, 30, 120, 300, 600, 840, 1200, 1440]);
    const total = RETRY_DELAYS_MS.reduce((sum, ms) => sum + ms, 0);
    expect(total).toBeGreaterThan(72 * HOUR_MS);
    expect(total).toBeLessThan(80 * HOUR_MS);
  });

  it('never comes before its step, and at most a tenth after it', () => {
    fc.assert(
      fc.property(tries, random, (n, chance) => {
        const delay = retryDelayMs(n, chance, null) ?? -1;
        const step = RETRY_DELAYS_MS[n - 1] ?? 0;
        expect(delay).toBeGreaterThanOrEqual(step);
        expect(delay).toBeLessThanOrEqual(step * 1.1);
      }),
    );
  });

  it('waits as long as it was asked to, up to a day, and never less than its own step', () => {
    fc.assert(
      fc.property(tries, random, fc.double({ min: -1e6, max: 1e12, noNaN: true }), (n, chance, asked) => {
        const own = retryDelayMs(n, chance, null) ?? -1;
        expect(retryDelayMs(n, chance, asked)).toBe(Math.max(own, Math.min(asked, RETRY_AFTER_MAX_MS)));
      }),
    );
  });

  it('ends after the tenth attempt, whatever was asked', () => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 1000 }), random, fc.option(fc.nat()), (n, chance, asked) => {
        expect(retryDelayMs(n, chance, asked)).toBeNull();
      }),
    );
  });
});

describe('a receiver', () => {
  it('has taken a message with 2xx and with nothing else', () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 599 }), (status) => {
        expect(reception(status) === 'taken').toBe(status >= 200 && status <= 299);
      }),
    );
  });

  it.each([
    [301, 'refused'],
    [307, 'refused'],
    [404, 'refused'],
    [410, 'gone'],
    [429, 'busy'],
    [500, 'refused'],
    [502, 'busy'],
    [503, 'busy'],
    [504, 'busy'],
  ] as const)('that answers %i is %s', (status, expected) => {
    expect(reception(status)).toBe(expected);
  });
});

it('a message is type, timestamp and data', () => {
  const data = { system: 'velt.documents', provider: 'velt', reason: 'quota', since: '2026-11-02T09:00:00.000Z' };
  expect(JSON.parse(messageBody('system.blocked', new Date('2026-11-02T09:00:00Z'), data))).toEqual({
    type: 'system.blocked',
    timestamp: '2026-11-02T09:00:00.000Z',
    data,
  });
});
