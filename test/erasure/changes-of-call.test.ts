import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GATE_REASONS, OPEN_GATE } from '../../src/core/gate.js';
import { changesOfCall } from '../../src/erasure/changes-of-call.js';
import type { ItemChange } from '../../src/store/write-outcomes.js';
import { ABOUT, ABSENT, answered, judged, LATER, NOW_MS, REFUSED, UNCLEAR, WORDLESS } from './judged-calls.js';
import type { Asked } from './judged-calls.js';

const many = (count: number, over: Partial<Asked> = {}): Asked[] =>
  Array.from({ length: count }, (_, no) => ({ externalId: `id${no}`, ...over }));
const companies = (changes: readonly ItemChange[]) => {
  const sizes = new Map<string | null, number>();
  for (const { suspectId } of changes) sizes.set(suspectId, (sizes.get(suspectId) ?? 0) + 1);
  return sizes;
};

describe('what a call makes of its items', () => {
  it('is for every item what the answer says of its ID, each by its own history', () => {
    const call = judged(
      [{ externalId: 'x', unknownEffect: true }, { externalId: 'x' }, { externalId: '__proto__' }, { externalId: 'y' }],
      answered({ x: ABSENT, ['__proto__']: { said: 'erased', evidence: 'provider', ...WORDLESS } }),
    );
    const { changes, attempt } = changesOfCall(call, ABOUT);
    expect(changes.map(({ next }) => [next.outcome, next.evidence])).toEqual([
      ['erased', 'repeat'],
      ['already_absent', 'provider'],
      ['erased', 'provider'],
      ['pending', null],
    ]);
    expect(changes[3]?.next).toMatchObject({ unknownEffect: true, spent: 1 });
    expect(
      changes.every(({ carried, spokenOf, attemptId }) => carried && spokenOf && attemptId === call.attemptId),
    ).toBe(true);
    expect(attempt).toMatchObject({ verdict: 'answered', httpStatus: 200, spent: false });
  });

  it('is nothing for items that are settled already, or that the call did not carry', () => {
    const call = judged(
      [{ externalId: 'x', outcome: 'cancelled' }, { externalId: 'y' }],
      answered({ x: ABSENT, y: ABSENT }),
    );
    expect(changesOfCall({ ...call, items: call.items.slice(0, 1) }, ABOUT).changes).toEqual([]);
    expect(changesOfCall(call, ABOUT).changes.map(({ id }) => id)).toEqual([call.items[1]?.id]);
  });

  it('is two halves by different IDs, at once, when the call was refused', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { minLength: 2, maxLength: 60 }), (drawn) => {
        const call = judged(
          drawn.map((no) => ({ externalId: `id${no}` })),
          REFUSED,
        );
        if (call.distinct < 2) return;
        const { changes, attempt } = changesOfCall(call, ABOUT);
        expect(attempt).toMatchObject({ verdict: 'refused', spent: false });
        expect(changes.every(({ delayMs, next }) => delayMs === 0 && next.spent === 0)).toBe(true);
        expect(companies(changes).size).toBe(2);
        expect(companies(changes).has(null)).toBe(false);
        const companyOf = new Map<string, string | null>();
        for (const [index, { suspectId }] of changes.entries()) {
          const digest = call.histories[index]?.digest ?? '';
          expect(companyOf.get(digest) ?? suspectId).toBe(suspectId);
          companyOf.set(digest, suspectId);
        }
        const sizes = [...companies(changes).keys()].map(
          (one) => [...companyOf.values()].filter((suspectId) => suspectId === one).length,
        );
        expect(Math.abs((sizes[0] ?? 0) - (sizes[1] ?? 0))).toBeLessThanOrEqual(1);
      }),
      { numRuns: 200 },
    );
  });

  it('is failed as rejected for the one ID of a refused call, for every request that asked for it', () => {
    const { changes } = changesOfCall(judged([{ externalId: 'x' }, { externalId: 'x' }], REFUSED), ABOUT);
    expect(changes.map(({ next }) => [next.outcome, next.reason])).toEqual([
      ['failed', 'rejected'],
      ['failed', 'rejected'],
    ]);
  });

  it('is the same company again after one unclear call, halves after two, with back-off', () => {
    const first = changesOfCall(judged(many(10), UNCLEAR), ABOUT).changes;
    expect([...companies(first).values()]).toEqual([10]);
    expect(companies(first).has(null)).toBe(false);
    const second = changesOfCall(judged(many(10, { strikes: 1, backoff: 1 }), UNCLEAR), ABOUT).changes;
    expect([...companies(second).values()]).toEqual([5, 5]);
    expect(second.every(({ next }) => next.backoff === 2 && next.spent === 0)).toBe(true);
  });

  it('comes back at one time for a whole company, also where its items were tried unequally often', () => {
    for (let turn = 0; turn < 50; turn += 1) {
      const mixed = [...many(3, { backoff: 0 }), { externalId: 'other', backoff: 6 }];
      const { changes } = changesOfCall(judged(mixed, UNCLEAR), ABOUT);
      expect(new Set(changes.map(({ delayMs }) => delayMs)).size).toBe(1);
    }
  });

  it('waits within its step of the back-off, and as long as the provider asked', () => {
    for (let turn = 0; turn < 100; turn += 1) {
      const [later] = changesOfCall(judged([{ externalId: 'x', backoff: 2 }], answered({ x: LATER })), ABOUT).changes;
      expect(later?.delayMs).toBeLessThanOrEqual(4000);
      expect(later?.suspectId).toBeNull();
      const asked = judged(many(2), { ...UNCLEAR, retryAfterMs: 60_000 } as typeof UNCLEAR);
      for (const { delayMs } of changesOfCall(asked, ABOUT).changes) expect(delayMs).toBe(60_000);
    }
  });

  it('spends an attempt of an ID alone without a clear answer, and says so on the attempt', () => {
    const alone = changesOfCall(judged([{ externalId: 'x' }], UNCLEAR), ABOUT);
    expect([alone.changes[0]?.next.spent, alone.attempt.spent]).toEqual([1, true]);
    const company = changesOfCall(judged(many(2), UNCLEAR), ABOUT);
    expect([company.changes[0]?.next.spent, company.attempt.spent]).toEqual([0, false]);
    const named = changesOfCall(judged([{ externalId: 'x' }], answered({ x: LATER })), ABOUT);
    expect([named.changes[0]?.next.spent, named.attempt.spent]).toEqual([1, false]);
  });

  it('spends nothing in a probe, nor while the system is closed for whatever reason, nor by closing it', () => {
    const closed = GATE_REASONS.map((reason) => ({ ...OPEN_GATE, reason, sinceMs: NOW_MS, untilMs: NOW_MS + 1000 }));
    for (const over of [{ probe: true }, ...closed.map((gate) => ({ gateBefore: gate, gateAfter: gate }))]) {
      for (const reading of [UNCLEAR, answered({ x: LATER })]) {
        const { changes, attempt } = changesOfCall(judged([{ externalId: 'x' }], reading, over), ABOUT);
        expect([changes[0]?.next.spent, attempt.spent]).toEqual([0, false]);
      }
    }
  });

  it('never lets an item rest for its attempts while its system is closed', () => {
    const outage = { ...OPEN_GATE, reason: 'outage', sinceMs: NOW_MS, untilMs: NOW_MS, probeDelayMs: 1000 } as const;
    const call = judged([{ externalId: 'x', spent: 9 }], UNCLEAR, {
      probe: true,
      gateBefore: outage,
      gateAfter: outage,
    });
    expect(changesOfCall(call, ABOUT).changes[0]?.next.outcome).toBe('pending');
  });

  it('is of unknown effect after a call that was begun and never completed', () => {
    const { changes, attempt } = changesOfCall(judged(many(3), null, { items: [], distinct: 0 }), ABOUT);
    expect(attempt).toMatchObject({ verdict: 'interrupted', httpStatus: null });
    for (const { next, carried, spokenOf, delayMs } of changes) {
      expect(next).toMatchObject({ outcome: 'pending', unknownEffect: true, spent: 0 });
      expect([carried, spokenOf, delayMs]).toEqual([true, false, 0]);
    }
    expect(changes).toHaveLength(3);
  });

  it('is an attempt of an ID that a call which was never completed carried alone, and never its last', () => {
    const interrupted = (over: Partial<Asked>, probe = false) =>
      changesOfCall(judged([{ externalId: 'x', ...over }], null, { items: [], distinct: 1, probe }), ABOUT);
    const { changes, attempt } = interrupted({});
    expect([changes[0]?.next.spent, changes[0]?.delayMs, attempt.spent]).toEqual([1, 0, true]);
    expect(interrupted({ spent: 7 }).changes[0]?.next).toMatchObject({ outcome: 'pending', spent: 8 });
    expect(interrupted({ spent: 8 }).changes[0]?.next).toMatchObject({ outcome: 'pending', spent: 8 });
    expect(interrupted({}, true).changes[0]?.next.spent).toBe(0);
  });

  it('is no call at all when the sender itself held it back', () => {
    const held = { reading: UNCLEAR, httpStatus: null, sha256: null, left: false };
    const { changes } = changesOfCall(judged(many(2), UNCLEAR, { sent: held }), ABOUT);
    for (const { next, carried, delayMs } of changes) {
      expect(next).toMatchObject({ outcome: 'pending', unknownEffect: false, spent: 0, strikes: 0 });
      expect([carried, delayMs]).toEqual([false, 1000]);
    }
  });

  it('leaves nothing pending of a request that was cancelled, and only of that', () => {
    const call = judged(many(4), UNCLEAR);
    const cancelled = new Set([call.items[0]?.requestId ?? '', call.items[1]?.requestId ?? '']);
    const { changes } = changesOfCall(call, { ...ABOUT, cancelled });
    expect(changes.map(({ next }) => next.outcome)).toEqual(['unconfirmed', 'unconfirmed', 'pending', 'pending']);
    const refused = changesOfCall(
      { ...call, sent: { reading: REFUSED, httpStatus: 400, sha256: null, left: true } },
      { ...ABOUT, cancelled },
    );
    expect(refused.changes.map(({ next }) => next.outcome)).toEqual(['cancelled', 'cancelled', 'pending', 'pending']);
    expect(refused.changes.map(({ suspectId }) => suspectId !== null)).toEqual([false, false, true, true]);
  });
});
