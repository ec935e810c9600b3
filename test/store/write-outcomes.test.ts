import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FRESH } from '../../src/core/history.js';
import type { Next } from '../../src/core/item.js';
import { beginAttempts, endAttempts } from '../../src/store/attempts.js';
import { newId } from '../../src/store/identifiers.js';
import { writeOutcomes } from '../../src/store/write-outcomes.js';
import type { ItemChange } from '../../src/store/write-outcomes.js';
import { bytes, storedWork } from './stored-work.js';
import type { Key, StoredWork } from './stored-work.js';

interface Row {
  readonly id: string;
  readonly outcome: string;
  readonly evidence: string | null;
  readonly reason: string | null;
  readonly spent: number;
  readonly strikes: number;
  readonly backoff: number;
  readonly passes: number;
  readonly matched: number | null;
  readonly erased_seen: boolean;
  readonly unknown_effect: boolean;
  readonly unclear_ms: number | null;
  readonly suspect_id: string | null;
  readonly attempts: number;
  readonly proof_id: string | null;
  readonly answer_id: string | null;
  readonly delay_ms: number;
  readonly is_settled: boolean;
  readonly is_tried: boolean;
}

const PENDING: Next = {
  outcome: 'pending',
  evidence: null,
  reason: null,
  again: 'now',
  ...FRESH,
};
const suspects = [newId(), newId()];

const history = fc.record({
  spent: fc.nat(9),
  strikes: fc.nat(2),
  backoff: fc.nat(40_000),
  passes: fc.nat(5),
  unknownEffect: fc.boolean(),
  erasedSeen: fc.boolean(),
  matched: fc.option(fc.nat(5_000_000)),
  unclearSinceMs: fc.option(fc.integer({ min: 1_700_000_000_000, max: 1_800_000_000_000 })),
});
const ending = fc.constantFrom(
  { outcome: 'pending', evidence: null, reason: null, again: 'backoff' } as const,
  { outcome: 'pending', evidence: null, reason: null, again: 'split' } as const,
  { outcome: 'erased', evidence: 'reconciled', reason: null, again: null } as const,
  { outcome: 'already_absent', evidence: 'provider', reason: null, again: null } as const,
  { outcome: 'unconfirmed', evidence: null, reason: null, again: null } as const,
  { outcome: 'failed', evidence: null, reason: 'denied', again: null } as const,
  { outcome: 'failed', evidence: null, reason: 'rejected', again: null } as const,
);
const change = fc.record({
  next: fc.tuple(history, ending).map(([known, end]): Next => ({ ...known, ...end })),
  delayMs: fc.nat(900_000),
  suspectId: fc.constantFrom(null, ...suspects),
  attempt: fc.nat(1),
  carried: fc.boolean(),
  spokenOf: fc.boolean(),
});

describe('what calls made of items', () => {
  let work: StoredWork;
  beforeAll(async () => {
    work = await storedWork();
  });
  afterAll(() => work.close());

  async function answered(items: readonly Key[]): Promise<string> {
    const id = newId();
    const attempt = { id, batchId: newId(), epoch: 2, system: 'a.things', provider: 'a', probe: false, ids: 1, items };
    await work.database.transaction(async (tx) => {
      await beginAttempts(tx, [attempt]);
      await endAttempts(tx, [{ id, verdict: 'answered', httpStatus: 200, providerCount: null, spent: false }]);
    });
    return id;
  }
  const rows = (keys: readonly Key[]) =>
    work.query<Row>(
      `select id, outcome, evidence, reason, spent, strikes, backoff, passes, matched::int, erased_seen, unknown_effect,
        (extract(epoch from unclear_since) * 1000)::float8 as unclear_ms, suspect_id, attempts, proof_id, answer_id,
        round(extract(epoch from due_at - now()) * 1000)::float8 as delay_ms, settled_at is not null as is_settled,
        last_attempt_at is not null as is_tried from item where id = any ($1::uuid[]) order by id`,
      [keys.map(({ id }) => id)],
    );
  const write = (changes: readonly ItemChange[]) => work.database.transaction((tx) => writeOutcomes(tx, changes));
  const settle = (key: Key, attemptId: string, over: Partial<ItemChange> = {}): ItemChange => ({
    ...key,
    next: { ...PENDING, outcome: 'erased', evidence: 'provider', again: null },
    delayMs: 0,
    suspectId: null,
    attemptId,
    carried: true,
    spokenOf: true,
    ...over,
  });

  it('stand on each of them exactly as told, however mixed the changes of one statement are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 40 }), async (drawn) => {
        const keys = await work.request(drawn.map(() => ({})));
        const attempts = [await answered(keys), await answered(keys)];
        const changes = drawn.map(({ attempt, ...one }, no): ItemChange => {
          const [key, attemptId] = [keys[no], attempts[attempt]];
          if (!key || attemptId === undefined) throw new Error('nothing was stored');
          return { ...key, ...one, attemptId };
        });
        await write(changes);
        const written = await rows(keys);
        expect(written).toHaveLength(changes.length);
        for (const { id, next, delayMs, suspectId, attemptId, carried, spokenOf } of changes) {
          const row = written.find((one) => one.id === id);
          const isPending = next.outcome === 'pending';
          const isProven = next.outcome === 'erased' || next.outcome === 'already_absent';
          expect(row).toMatchObject({
            outcome: next.outcome,
            evidence: next.evidence,
            reason: next.reason,
            spent: next.spent,
            strikes: next.strikes,
            backoff: Math.min(next.backoff, 32_767),
            passes: next.passes,
            matched: next.matched,
            erased_seen: next.erasedSeen,
            unknown_effect: next.unknownEffect,
            unclear_ms: next.unclearSinceMs,
            suspect_id: isPending ? suspectId : null,
            attempts: carried ? 1 : 0,
            is_tried: carried,
            is_settled: !isPending,
            proof_id: isProven ? attemptId : null,
            answer_id: spokenOf ? attemptId : null,
          });
          if (isPending) expect(Math.abs((row?.delay_ms ?? 0) - delayMs)).toBeLessThan(60_000);
        }
        const [counts] = await work.query<Record<string, number>>(
          'select pending, erased, already_absent, unconfirmed, failed from erasure_request where id = $1',
          [keys[0]?.requestId],
        );
        for (const [outcome, count] of Object.entries(counts ?? {})) {
          expect(count).toBe(changes.filter(({ next }) => next.outcome === outcome).length);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('never touch an item that is settled', async () => {
    const keys = await work.request([{}, {}, {}, {}]);
    const attemptId = await answered(keys);
    const [erased, failed, unconfirmed, cancelled] = keys;
    if (!erased || !failed || !unconfirmed || !cancelled) throw new Error('nothing was stored');
    await write([settle(erased, attemptId)]);
    await work.set([failed], `outcome = 'failed', reason = 'denied', settled_at = now()`);
    await work.set([unconfirmed], `outcome = 'unconfirmed', settled_at = now()`);
    await work.set([cancelled], `outcome = 'cancelled', settled_at = now()`);
    const before = await rows(keys);
    for (const next of [
      PENDING,
      { ...PENDING, outcome: 'already_absent', evidence: 'provider', again: null } as const,
    ]) {
      await write(keys.map((key) => settle(key, attemptId, { next })));
      expect(await rows(keys)).toMatchObject(before.map(({ delay_ms: _, ...row }) => row));
    }
  });

  it('cannot say gone without the answered call that carried the item', async () => {
    const [one, other] = await work.request([{}, {}]);
    if (!one || !other) throw new Error('nothing was stored');
    const attemptId = await answered([one]);
    await expect(write([settle(one, attemptId), settle(other, attemptId)])).rejects.toThrow('proves');
    await expect(write([settle(one, newId())])).rejects.toThrow('proves');
    await write([settle(one, attemptId)]);
  });

  it('take a refused discovered item further when a later pass names it, unless a person has closed it', async () => {
    const [selector] = await work.request([{ kind: 'selector' }]);
    if (!selector) throw new Error('nothing was stored');
    const discovered = [newId(), newId()].map((id) => ({ requestId: selector.requestId, id }));
    for (const { id } of discovered) {
      await work.query(
        `insert into item (request_id, id, system, kind, block, slot, digest, selector_id, deadline, outcome, reason, settled_at)
          values ($1, $2, 'a.things', 'discovered', 2, 0, $3, $4, now(), 'failed', 'denied', now())`,
        [selector.requestId, id, bytes(id), selector.id],
      );
    }
    const [open, closed] = discovered;
    if (!open || !closed) throw new Error('nothing was stored');
    await work.set([closed], `resolution = 'waived', resolved_at = now(), resolved_by = 'somebody'`);
    const attemptId = await answered([selector]);
    await write([settle(open, attemptId), settle(closed, attemptId)]);
    expect((await rows(discovered)).map(({ outcome }) => outcome)).toEqual(['erased', 'failed']);
    await write([settle(open, attemptId, { next: PENDING })]);
    expect((await rows([open])).map(({ outcome }) => outcome)).toEqual(['erased']);
  });

  it('are nothing when there are none', async () => {
    await expect(write([])).resolves.toBeUndefined();
  });
});
