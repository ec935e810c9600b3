import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { beginAttempts } from '../../src/store/attempts.js';
import * as batches from '../../src/store/batches.js';
import type { BatchRef } from '../../src/store/batches.js';
import { newId } from '../../src/store/identifiers.js';
import { storedWork } from './stored-work.js';
import type { Key, StoredWork } from './stored-work.js';

const AT = { system: 'a.things', provider: 'a', probe: false };

describe('a batch', () => {
  let work: StoredWork;
  let items: Key[];
  beforeEach(async () => {
    work = await storedWork();
    items = await work.request([{}, {}, {}, {}, {}, {}]);
  });
  afterEach(() => work.close());

  async function claim(from: number, to: number, at = AT): Promise<BatchRef> {
    const id = newId();
    await work.database.transaction((tx) => batches.claimBatches(tx, at, [{ id, items: items.slice(from, to) }]));
    return { id, epoch: 1 };
  }
  const take = (ref: BatchRef, leaseMs = 45_000) =>
    work.database.transaction((tx) => batches.takeBatches(tx, [ref], leaseMs).then(([taken]) => taken ?? null));
  const expire = (ref: BatchRef) =>
    work.query(`update batch set lease_until = now() - interval '1 ms' where id = $1`, [ref.id]);
  const ringAgain = () => work.database.transaction((tx) => batches.ringAgain(tx, 'a.things'));
  const hold = (...refs: BatchRef[]) => work.database.transaction((tx) => batches.holdBatches(tx, refs));
  const end = (...refs: BatchRef[]) =>
    work.database.transaction((tx) =>
      batches.endBatches(
        tx,
        refs.map(({ id }) => id),
      ),
    );
  const flight = (ended: string[] = [], windowMs = 60_000) =>
    work.database.transaction((tx) => batches.countInFlight(tx, 'a', ended, windowMs));
  async function begin(ref: BatchRef, epoch: number): Promise<string> {
    const id = newId();
    const attempt = { id, batchId: ref.id, epoch, ...AT, ids: 1, items: items.slice(0, 1) };
    await work.database.transaction((tx) => beginAttempts(tx, [attempt]));
    return id;
  }

  it('never holds an item that another live batch holds', async () => {
    const first = await claim(0, 3);
    await expect(claim(2, 5)).rejects.toThrow('claim_pkey');
    expect(await work.query('select from batch')).toHaveLength(1);
    await end(first);
    await claim(2, 5);
    expect(await work.query('select from claim')).toHaveLength(3);
  });

  it('is taken by one of many, under a new epoch', async () => {
    const ref = await claim(0, 2);
    const taken = await Promise.all(Array.from({ length: 8 }, () => take(ref)));
    expect(taken.filter((one) => one !== null)).toEqual([
      { ...ref, system: 'a.things', provider: 'a', epoch: 2, probe: false },
    ]);
    expect(await take({ ...ref, epoch: 2 })).toBeNull();
  });

  it('that nobody took up is rung again under a new epoch, and the old one is worth nothing', async () => {
    const ref = await claim(0, 2);
    expect(await ringAgain()).toEqual([]);
    await expire(ref);
    expect(await ringAgain()).toEqual([{ id: ref.id, epoch: 2, rings: 2 }]);
    expect(await ringAgain()).toEqual([]);
    expect(await take(ref)).toBeNull();
    await expire(ref);
    expect(await ringAgain()).toEqual([{ id: ref.id, epoch: 3, rings: 3 }]);
    expect(await take({ ...ref, epoch: 3 })).toMatchObject({ epoch: 4 });
  });

  it('that is being sent is never rung again', async () => {
    const ref = await claim(0, 2);
    await take(ref);
    await expire(ref);
    expect(await ringAgain()).toEqual([]);
  });

  it('keeps its claim while it waits for its turn, and only under its epoch', async () => {
    const ref = await claim(0, 2);
    await expire(ref);
    const keep = (at: BatchRef) => work.database.transaction((tx) => batches.keepClaim(tx, at));
    expect(await keep({ ...ref, epoch: 2 })).toBe(false);
    expect(await keep(ref)).toBe(true);
    expect(await ringAgain()).toEqual([]);
    await take(ref);
    expect(await keep({ ...ref, epoch: 2 })).toBe(false);
  });

  it('is held for an outcome only while it is sent under that very epoch', async () => {
    const [one, other] = [await claim(0, 2), await claim(2, 4)];
    expect(await hold(one)).toEqual(new Set());
    await take(one);
    expect(await hold(one, { ...one, epoch: 2 }, { ...other, epoch: 2 })).toEqual(new Set([one.id]));
    expect(await hold({ ...one, epoch: 3 })).toEqual(new Set());
    await end(one);
    expect(await hold({ ...one, epoch: 2 })).toEqual(new Set());
  });

  it('is locked while it is held, so that no two records of it are written', async () => {
    const ref = await claim(0, 2);
    await take(ref);
    const seen: string[] = [];
    const record = async (name: string) =>
      work.database.transaction(async (tx) => {
        const held = await batches.holdBatches(tx, [{ ...ref, epoch: 2 }]);
        if (held.has(ref.id)) seen.push(name);
        await batches.endBatches(tx, [...held]);
      });
    await Promise.all(['a', 'b', 'c', 'd'].map(record));
    expect(seen).toHaveLength(1);
  });

  it('is given up only when it was begun and its lease has ended without a record', async () => {
    const [ref, claimed] = [await claim(0, 2), await claim(2, 4)];
    await take(ref);
    const attemptId = await begin(ref, 2);
    const expired = () => batches.readExpired(work.database, 'a.things');
    expect(await expired()).toEqual([]);
    await expire(ref);
    await expire(claimed);
    expect(await expired()).toEqual([{ id: ref.id, epoch: 2, attemptId, probe: false, ids: 1 }]);
    await end(ref);
    expect(await expired()).toEqual([]);
  });

  it('counts as in flight at its provider from its taking to its record, its end or its lease, whichever is first', async () => {
    const refs = [await claim(0, 1), await claim(1, 2), await claim(2, 3)];
    await claim(3, 4, { ...AT, system: 'b.things', provider: 'b' });
    expect(await flight()).toEqual({ inFlight: 0, recent: 0 });
    for (const ref of refs) {
      await take(ref);
      await begin(ref, 2);
    }
    expect(await flight()).toEqual({ inFlight: 3, recent: 3 });
    const [first, second, third] = refs;
    if (!first || !second || !third) throw new Error('nothing was claimed');
    expect(await flight([first.id])).toEqual({ inFlight: 2, recent: 3 });
    await expire(second);
    expect(await flight([first.id])).toEqual({ inFlight: 1, recent: 3 });
    await end(third);
    expect(await flight()).toEqual({ inFlight: 1, recent: 3 });
    await work.query(`update attempt set started_at = now() - interval '61 seconds' where batch_id = $1`, [first.id]);
    expect(await flight()).toEqual({ inFlight: 1, recent: 2 });
    expect(await flight([], 0)).toMatchObject({ recent: 0 });
  });

  it('counts in the load of its system and provider', async () => {
    const ref = await claim(0, 1);
    await claim(1, 2);
    await claim(2, 3, { ...AT, system: 'a.others' });
    await take(ref);
    await begin(ref, 2);
    const load = await work.database.transaction((tx) => batches.readLoad(tx, 'a.things', 'a', 60_000));
    expect(load).toMatchObject({ live: 2, claimedAtProvider: 2, recent: 1 });
    expect(load.oldestRecentMs).toBeLessThanOrEqual(load.nowMs + 1000);
  });

  it('is counted by one sender at a time', async () => {
    const inside: string[] = [];
    const enter = (name: string) =>
      work.database.transaction(async (tx) => {
        await batches.countInFlight(tx, 'a', [], 0);
        inside.push(`${name} in`);
        await tx.run({ name: 'tick', text: 'select 1' });
        inside.push(`${name} out`);
      });
    await Promise.all(['a', 'b', 'c'].map(enter));
    for (let at = 0; at < inside.length; at += 2) {
      expect(inside[at]?.[0]).toBe(inside[at + 1]?.[0]);
    }
  });
});
