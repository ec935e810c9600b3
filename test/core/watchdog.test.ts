import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { complaint, isStuck, watched } from '../../src/core/watchdog.js';
import type { Complaint, Sight, Watch } from '../../src/core/watchdog.js';

const LIMIT_MS = 60_000;
const GRACE_MS = 30_000;
const LOOK_MS = 7_500;

const ms = fc.oneof(fc.nat({ max: 10_000_000 }), fc.constantFrom(LIMIT_MS - 1, LIMIT_MS, 120_000, Infinity));
const orNull = (arbitrary: fc.Arbitrary<number>): fc.Arbitrary<number | null> => fc.option(arbitrary, { nil: null });
const sight: fc.Arbitrary<Sight> = fc.record({
  passableMs: orNull(ms),
  waitingMs: orNull(ms),
  live: fc.nat({ max: 3 }),
  overMs: orNull(ms),
  quietMs: orNull(ms),
  undeliveredMs: orNull(ms),
});
/** Of a system with a dispatcher that works: its leases are given up, its jobs arrive. */
const tended = sight.map((seen) => ({ ...seen, overMs: null, undeliveredMs: null }));

describe('a worker', () => {
  it.each<[string, Partial<Sight>]>([
    ['because a gate is closed', { passableMs: null }],
    ['because a gate has only just opened', { passableMs: LIMIT_MS - 1 }],
    ['because others hold all the room, or the provider is slow', { live: 1 }],
    ['because the calls of the minute are spent', { quietMs: 119_999 }],
    ['because nothing is due', { waitingMs: null }],
    ['because something has only just become due', { waitingMs: LIMIT_MS - 1 }],
  ])('never complains %s, however old the work', (_, reason) => {
    fc.assert(
      fc.property(tended, (seen) => {
        expect(complaint({ ...seen, ...reason }, LIMIT_MS)).toBeNull();
      }),
    );
  });

  it('complains of work that is due, free and passable, with all the room there is', () => {
    const at = { passableMs: Infinity, waitingMs: LIMIT_MS, live: 0, overMs: null, quietMs: null, undeliveredMs: null };
    expect(complaint(at, LIMIT_MS)).toBe('not_handed_out');
    expect(complaint({ ...at, quietMs: 120_000 }, LIMIT_MS)).toBe('not_handed_out');
    expect(complaint({ ...at, passableMs: null, overMs: LIMIT_MS, live: 9 }, LIMIT_MS)).toBe('not_given_up');
    expect(complaint({ ...at, undeliveredMs: LIMIT_MS, live: 9 }, LIMIT_MS)).toBe('not_delivered');
  });

  it('complains of nothing that is younger than the limit', () => {
    const young = fc.nat({ max: LIMIT_MS - 1 });
    const all = fc.record({
      passableMs: orNull(ms),
      waitingMs: orNull(young),
      live: fc.nat({ max: 3 }),
      overMs: orNull(young),
      quietMs: orNull(ms),
      undeliveredMs: orNull(young),
    });
    fc.assert(
      fc.property(all, (seen) => {
        expect(complaint(seen, LIMIT_MS)).toBeNull();
      }),
    );
  });
});

/** The looks of a process: what each saw (null: nothing wrong, or the database away), and how long after the one before. */
const looks = fc.array(
  fc.record({
    seen: fc.constantFrom<Complaint | null>('not_handed_out', 'not_handed_out', 'not_given_up', null),
    afterMs: fc.oneof(
      { weight: 9, arbitrary: fc.constant(LOOK_MS) },
      { weight: 1, arbitrary: fc.nat({ max: 90_000 }) },
    ),
  }),
  { maxLength: 40 },
);

describe('a worker is stuck', () => {
  it('exactly when every look for the whole grace showed something wrong, with no gap in between', () => {
    fc.assert(
      fc.property(looks, (all) => {
        let nowMs = 0;
        let watch: Watch | null = null;
        const history: { readonly seen: Complaint | null; readonly atMs: number }[] = [];
        for (const { seen, afterMs } of all) {
          nowMs += afterMs;
          watch = watched(watch, seen, nowMs, 3 * LOOK_MS);
          history.push({ seen, atMs: nowMs });
          let first = history.length;
          while (first > 0) {
            const [at, next] = [history[first - 1], history[first]];
            if (at === undefined || at.seen === null) break;
            if (next !== undefined && next.atMs - at.atMs > 3 * LOOK_MS) break;
            first -= 1;
          }
          const begun = history[first];
          expect(isStuck(watch, GRACE_MS)).toBe(begun !== undefined && nowMs - begun.atMs >= GRACE_MS);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('never at its first look, after a look in which the database was away, or when it was itself away', () => {
    fc.assert(
      fc.property(looks, fc.integer({ min: 3 * LOOK_MS + 1, max: 10_000_000 }), (before, gapMs) => {
        let nowMs = 0;
        let watch: Watch | null = null;
        for (const { seen, afterMs } of before) watch = watched(watch, seen, (nowMs += afterMs), 3 * LOOK_MS);
        const late = watched(watch, 'not_given_up', nowMs + gapMs, 3 * LOOK_MS);
        const back = watched(watched(watch, null, nowMs + 1, 3 * LOOK_MS), 'not_given_up', nowMs + 2, 3 * LOOK_MS);
        for (const fresh of [late, back, watched(null, 'not_delivered', nowMs, 3 * LOOK_MS)])
          expect(isStuck(fresh, GRACE_MS)).toBe(false);
      }),
    );
  });
});
