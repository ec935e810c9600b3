import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { halves, planBatches } from '../../src/core/plan.js';
import type { DueItem, PlanLimits } from '../../src/core/plan.js';

const NOW = 1_800_000_000_000;
const LIMITS: PlanLimits = { nowMs: NOW, lingerMs: 200, idsMax: 30, room: 1000 };

function item(no: number, over: Partial<DueItem> = {}): DueItem {
  const id = `i${String(no).padStart(6, '0')}`;
  return {
    requestId: 'r',
    id,
    lane: 'lane',
    digest: id,
    deadlineMs: NOW,
    dueMs: NOW - 1000,
    suspectId: null,
    selects: false,
    ...over,
  };
}

/** Due items as the database gives them: a company of suspects stems from one call, so it is of one lane. */
const due: fc.Arbitrary<DueItem[]> = fc
  .array(
    fc.record({
      lane: fc.nat(4),
      digest: fc.nat(40),
      deadlineMs: fc.integer({ min: NOW, max: NOW + 5 }),
      dueMs: fc.integer({ min: NOW - 400, max: NOW }),
      company: fc.option(fc.nat(2), { freq: 2 }),
    }),
    { maxLength: 120 },
  )
  .map((drawn) =>
    drawn.map(({ lane, digest, company, ...times }, no) =>
      item(no, {
        ...times,
        lane: `lane ${lane}`,
        digest: `${lane}/${digest}`,
        suspectId: company === null ? null : `company ${lane}/${company}`,
      }),
    ),
  );
const limits: fc.Arbitrary<PlanLimits> = fc.record({
  nowMs: fc.constant(NOW),
  lingerMs: fc.nat(400),
  idsMax: fc.integer({ min: 1, max: 12 }),
  room: fc.integer({ min: -1, max: 30 }),
});

describe('a plan', () => {
  it('puts every item into at most one batch, and into one when there is room and nothing to wait for', () => {
    fc.assert(
      fc.property(due, limits, (items, about) => {
        const placed = planBatches(items, about).batches.flatMap((batch) => batch.items.map(({ id }) => id));
        expect(new Set(placed).size).toBe(placed.length);
        const all = planBatches(items, { ...about, room: 1000, lingerMs: 0 });
        expect(all.batches.flatMap((batch) => batch.items.map(({ id }) => id)).toSorted()).toEqual(
          items.map(({ id }) => id).toSorted(),
        );
        expect(all.wakeMs).toBeNull();
      }),
      { numRuns: 500 },
    );
  });

  it('never mixes lanes or companies of suspects, and names at most idsMax different IDs', () => {
    fc.assert(
      fc.property(due, limits, (items, about) => {
        for (const { items: company, distinct } of planBatches(items, about).batches) {
          expect(new Set(company.map(({ lane }) => lane)).size).toBe(1);
          expect(new Set(company.map(({ suspectId }) => suspectId)).size).toBe(1);
          expect(new Set(company.map(({ digest }) => digest)).size).toBe(distinct);
          expect(distinct).toBeLessThanOrEqual(about.idsMax);
          expect(distinct).toBeGreaterThan(0);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('never names one ID in two batches of a company', () => {
    fc.assert(
      fc.property(due, limits, (items, about) => {
        const named = planBatches(items, about).batches.flatMap(({ items: company }) => [
          ...new Set(company.map(({ digest, suspectId, lane }) => `${lane} ${suspectId} ${digest}`)),
        ]);
        expect(new Set(named).size).toBe(named.length);
      }),
      { numRuns: 500 },
    );
  });

  it('hands out what is due first first, and no more than there is room for', () => {
    fc.assert(
      fc.property(due, limits, (items, about) => {
        const { batches } = planBatches(items, about);
        expect(batches.length).toBeLessThanOrEqual(Math.max(about.room, 0));
        const deadlines = batches.map((batch) => Math.min(...batch.items.map(({ deadlineMs }) => deadlineMs)));
        expect(deadlines).toEqual(deadlines.toSorted((a, b) => a - b));
        const all = planBatches(items, { ...about, room: 1000 }).batches;
        expect(batches).toEqual(all.slice(0, Math.max(about.room, 0)));
      }),
      { numRuns: 500 },
    );
  });

  it('fills batches: a lane of n different IDs makes no more than it must', () => {
    for (const [ids, expected] of [
      [1, 1],
      [30, 1],
      [31, 2],
      [60, 2],
      [61, 3],
    ] as const) {
      const items = Array.from({ length: ids }, (_, no) => item(no));
      expect(planBatches(items, { ...LIMITS, lingerMs: 0 }).batches).toHaveLength(expected);
    }
  });

  it('does not depend on the order in which the items were read', () => {
    fc.assert(
      fc.property(due, limits, (items, about) => {
        expect(planBatches(items.toReversed(), about)).toEqual(planBatches(items, about));
      }),
      { numRuns: 200 },
    );
  });

  it('lets a batch that is not full wait for company, and says when it is ripe', () => {
    const young = item(1, { dueMs: NOW - 50 });
    expect(planBatches([young], LIMITS)).toEqual({ batches: [], wakeMs: NOW + 150 });
    expect(planBatches([young], { ...LIMITS, nowMs: NOW + 149 }).batches).toEqual([]);
    expect(planBatches([young], { ...LIMITS, nowMs: NOW + 150 })).toMatchObject({ wakeMs: null });
    const sooner = item(2, { lane: 'other', dueMs: NOW - 150 });
    expect(planBatches([young, sooner], LIMITS).wakeMs).toBe(NOW + 50);
  });

  it('lets nobody wait in a full batch, beside one who waited long enough, or who is alone anyhow', () => {
    const young = (no: number) => item(no, { dueMs: NOW });
    const full = Array.from({ length: 30 }, (_, no) => young(no));
    expect(planBatches(full, LIMITS)).toMatchObject({ batches: [{ distinct: 30 }], wakeMs: null });
    expect(planBatches([young(1), item(2)], LIMITS)).toMatchObject({ batches: [{ distinct: 2 }] });
    for (const over of [{ selects: true }, { suspectId: 's' }]) {
      expect(planBatches([item(1, { dueMs: NOW, ...over })], LIMITS).batches).toHaveLength(1);
    }
  });

  it('puts one ID that several requests ask for into one call, with all of its items', () => {
    const asked = [0, 1, 2].map((no) => item(no, { digest: 'same', requestId: `r${no}` }));
    const others = Array.from({ length: 29 }, (_, no) => item(no + 10));
    const { batches } = planBatches([...asked, ...others], LIMITS);
    expect(batches).toMatchObject([{ distinct: 30 }]);
    expect(batches[0]?.items).toHaveLength(32);
  });
});

/** Calls until everything is settled, when a call with a bad ID is refused as a whole and then split. */
function callsFor(
  size: number,
  bad: ReadonlySet<number>,
): { calls: number; blamed: Set<string>; deleted: Set<string> } {
  const queue: (readonly DueItem[])[] = [Array.from({ length: size }, (_, no) => item(no))];
  const blamed = new Set<string>();
  const deleted = new Set<string>();
  let calls = 0;
  for (let company = queue.shift(); company; company = queue.shift()) {
    calls += 1;
    if (!company.some(({ id }) => bad.has(Number(id.slice(1))))) for (const { id } of company) deleted.add(id);
    else if (company.length === 1) for (const { id } of company) blamed.add(id);
    else queue.push(...halves(company));
  }
  return { calls, blamed, deleted };
}

describe('halving a company', () => {
  it('covers it, twice nobody, by different IDs, as evenly as can be', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { minLength: 1, maxLength: 60 }), (digests) => {
        const company = digests.map((digest, no) => item(no, { digest: `d${digest}` }));
        const [first, second] = halves(company);
        expect([...first, ...second].map(({ id }) => id).toSorted()).toEqual(company.map(({ id }) => id));
        const [a, b] = [first, second].map((half) => new Set(half.map(({ digest }) => digest)));
        expect([...(a ?? [])].filter((digest) => b?.has(digest))).toEqual([]);
        const distinct = new Set(digests).size;
        expect(a?.size).toBe(Math.ceil(distinct / 2));
        expect(b?.size).toBe(Math.floor(distinct / 2));
      }),
      { numRuns: 500 },
    );
  });

  it('finds one bad ID among n in at most 2·⌈log2 n⌉ + 1 calls, wherever it stands, n from 1 to 200', () => {
    for (let size = 1; size <= 200; size += 1) {
      const most = 2 * Math.ceil(Math.log2(size)) + 1;
      for (let bad = 0; bad < size; bad += 1) {
        const { calls, blamed, deleted } = callsFor(size, new Set([bad]));
        if (calls > most) throw new Error(`${calls} calls for ID ${bad} of ${size}`);
        expect([blamed.size, deleted.size]).toEqual([1, size - 1]);
      }
    }
  });

  it('finds k bad IDs among n in at most k·2·⌈log2 n⌉ + 1 calls, blames them alone and deletes all others', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.array(fc.nat(199), { maxLength: 12 }), (size, drawn) => {
        const bad = new Set(drawn.filter((no) => no < size));
        const { calls, blamed, deleted } = callsFor(size, bad);
        expect(calls).toBeLessThanOrEqual(bad.size * 2 * Math.ceil(Math.log2(size)) + 1);
        expect(calls).toBeLessThanOrEqual(2 * size - 1);
        expect([...blamed].map((id) => Number(id.slice(1))).toSorted((a, b) => a - b)).toEqual(
          [...bad].toSorted((a, b) => a - b),
        );
        expect(deleted.size).toBe(size - bad.size);
      }),
      { numRuns: 500 },
    );
  });
});
