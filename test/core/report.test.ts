import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OUTCOMES, PROVEN } from '../../src/core/item.js';
import { reportHead } from '../../src/core/report.js';
import type { ItemsRead, ReportRead, RequestRead } from '../../src/core/report.js';
import { warningMeaning } from '../../src/core/report-words.js';

const SYSTEM = 'a.things';

function aRequest(about: Partial<RequestRead> = {}): RequestRead {
  return {
    id: '01890000-0000-7000-8000-000000000000',
    status: 'completed',
    subject: { ref: 'user_42' },
    source: 'api',
    actor: 'key_1',
    receivedAt: '2026-01-31T23:30:00.000Z',
    dueAt: '2026-02-28T23:59:59.999Z',
    createdAt: '2026-01-31T23:30:01.000Z',
    settledAt: '2026-02-02T00:10:00.000Z',
    shreddedAt: null,
    blockedBy: [],
    warnings: [],
    ...about,
  };
}
const aRead = (about: Partial<ReportRead> = {}): ReportRead => ({
  request: aRequest(),
  items: [{ system: SYSTEM, kind: 'id', outcome: 'erased', items: 2, resolved: 0 }],
  calls: [],
  titles: new Map([[SYSTEM, 'Things']]),
  integrity: null,
  ...about,
});
const at = (time: string): Date => new Date(time);
const NOW = at('2026-02-10T12:00:00.000Z');

/** Counted items as the database can give them: only open ends are ever resolved. */
const counted: fc.Arbitrary<ItemsRead[]> = fc.array(
  fc
    .record({
      system: fc.constantFrom('a.things', 'b.things'),
      kind: fc.constantFrom('id' as const, 'selector' as const, 'discovered' as const),
      outcome: fc.constantFrom(...OUTCOMES),
      items: fc.integer({ min: 1, max: 1000 }),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    .map(({ part, ...row }) => ({
      ...row,
      resolved: row.outcome === 'failed' || row.outcome === 'unconfirmed' ? Math.floor(row.items * part) : 0,
    })),
  { minLength: 1, maxLength: 12 },
);
const sum = (rows: readonly ItemsRead[]): number => rows.reduce((total, row) => total + row.items, 0);

describe('what a report comes to', () => {
  it('is all gone only where every item has an answer that proves it', () => {
    fc.assert(
      fc.property(counted, (items) => {
        const head = reportHead(aRead({ items }), NOW);
        const unproven = sum(items.filter(({ outcome }) => !PROVEN.includes(outcome)));
        expect(head.conclusion.some((said) => said.startsWith('All '))).toBe(unproven === 0);
        expect(head.interim).toBe(items.some(({ outcome }) => outcome === 'pending'));
      }),
    );
  });

  it('names everything that waits for a person', () => {
    fc.assert(
      fc.property(counted, (items) => {
        const head = reportHead(aRead({ items }), NOW);
        const open = items.filter(({ outcome }) => outcome === 'failed' || outcome === 'unconfirmed');
        const waiting = open.reduce((total, row) => total + row.items - row.resolved, 0);
        const said = head.conclusion.find((sentence) => sentence.includes('Waiting for a person'));
        expect(said).toBe(waiting > 0 ? `The request is not complete. Waiting for a person: ${waiting}.` : undefined);
      }),
    );
  });

  it('counts the same by system and in all', () => {
    fc.assert(
      fc.property(counted, (items) => {
        const { counts, systems } = reportHead(aRead({ items }), NOW);
        expect(counts.total).toBe(sum(items));
        for (const outcome of OUTCOMES) {
          expect(systems.reduce((total, system) => total + system.outcomes[outcome], 0)).toBe(counts[outcome]);
        }
        for (const { items: all, kinds } of systems) expect(kinds.id + kinds.selector + kinds.discovered).toBe(all);
      }),
    );
  });

  it('asks to read the warnings, each with its meaning', () => {
    const warnings = [{ code: 'all_absent', system: SYSTEM, at: '2026-02-01T00:00:00.000Z' }];
    const head = reportHead(aRead({ request: aRequest({ warnings }) }), NOW);
    expect(head.conclusion.at(-1)).toBe('Read the warnings first: there is 1.');
    expect(head.warnings).toEqual([{ ...warnings[0], meaning: warningMeaning('all_absent') }]);
    expect(warningMeaning('never_heard_of')).toBe('never_heard_of');
  });
});

describe('the deadline', () => {
  it('counts calendar days, the day of receipt not among them', () => {
    expect(reportHead(aRead(), NOW).deadline).toMatchObject({
      daysUsed: 2,
      daysLeft: null,
      inTime: true,
      overdue: false,
    });
  });

  it('is open while something is pending, and missed the moment after it', () => {
    const read = aRead({ request: aRequest({ settledAt: null, status: 'running' }) });
    const deadline = (now: string) => reportHead(read, at(now)).deadline;
    expect(deadline('2026-02-28T23:59:59.999Z')).toMatchObject({ overdue: false, inTime: null, daysLeft: 0 });
    expect(deadline('2026-03-01T00:00:00.000Z')).toMatchObject({ overdue: true, inTime: false, daysLeft: -1 });
  });

  it('that was missed stays missed after it settled', () => {
    const request = aRequest({ settledAt: '2026-03-01T00:00:00.000Z' });
    expect(reportHead(aRead({ request }), NOW).deadline).toMatchObject({ overdue: false, inTime: false });
  });

  it('never counts days that have not come yet', () => {
    const request = aRequest({ receivedAt: '2026-02-11T00:01:00.000Z', settledAt: null });
    expect(reportHead(aRead({ request }), at('2026-02-10T23:59:00.000Z')).deadline.daysUsed).toBe(0);
  });
});

describe('the calls and the proof', () => {
  it('are summed up by system, the first and the last with their times', () => {
    const call = (verdict: string | null, calls: number, first: string, last: string) => ({
      system: SYSTEM,
      verdict,
      calls,
      firstAt: at(first),
      lastAt: at(last),
    });
    const calls = [
      call('answered', 3, '2026-02-01T10:00:00Z', '2026-02-02T10:00:00Z'),
      call(null, 1, '2026-02-01T09:00:00Z', '2026-02-01T09:00:00Z'),
    ];
    expect(reportHead(aRead({ calls }), NOW).systems).toMatchObject([
      {
        title: 'Things',
        calls: 4,
        callsByVerdict: { answered: 3, under_way: 1 },
        firstCallAt: '2026-02-01T09:00:00.000Z',
        lastCallAt: '2026-02-02T10:00:00.000Z',
      },
    ]);
  });

  it('are not pretended where there is no checkpoint', () => {
    const { integrity } = reportHead(aRead(), NOW);
    expect(integrity).toMatchObject({ treeSize: null, root: null, checkpoint: null, keyId: null });
    expect(integrity.verify).toContain('No signed checkpoint');
  });
});
