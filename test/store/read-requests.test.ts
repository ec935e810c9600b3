import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensureGates } from '../../src/store/gates.js';
import { listRequests, readBlockages, readRequest, subjectDigest } from '../../src/store/read-requests.js';
import type { RequestFilter } from '../../src/store/read-requests.js';
import { newId } from '../../src/store/identifiers.js';
import { storedWork } from './stored-work.js';
import type { StoredWork } from './stored-work.js';

const NAMES = new Set(['a.one', 'a.two']);

describe('requests as they are answered', () => {
  let work: StoredWork;
  beforeEach(async () => {
    work = await storedWork();
    await ensureGates(work.database, [
      { name: 'a.one', provider: 'a' },
      { name: 'a.two', provider: 'a' },
      { name: 'b.gone', provider: 'b' },
    ]);
  });
  afterEach(() => work.close());

  const made = async (days: number, ...systems: string[]): Promise<string> => {
    const keys = await work.request(
      systems.map((system) => ({ system })),
      days,
    );
    return keys[0]?.requestId ?? '';
  };
  const list = async (filter: RequestFilter, limit = 200, cursor: string | null = null) => {
    const page = await listRequests(work.database, work.vault, NAMES, filter, { limit, cursor });
    if (page === 'bad_cursor') throw new Error('a cursor of ours was refused');
    return page;
  };
  const ids = async (filter: RequestFilter) => (await list(filter)).data.map(({ id }) => id);
  const blockages = async (id: string) => (await readBlockages(work.database, NAMES, [id])).get(id) ?? [];

  it('come newest first, every one once, whatever the size of the pages', async () => {
    const all: string[] = [];
    for (let no = 0; no < 7; no += 1) all.unshift(await made(30, 'a.one'));
    for (const limit of [1, 2, 3, 7, 8]) {
      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        const page: Awaited<ReturnType<typeof list>> = await list({}, limit, cursor);
        expect(page.data.length).toBeLessThanOrEqual(limit);
        seen.push(...page.data.map(({ id }) => id));
        cursor = page.nextCursor;
      } while (cursor !== null);
      expect(seen).toEqual(all);
    }
    const bad = { limit: 5, cursor: 'not-one-of-ours' };
    expect(await listRequests(work.database, work.vault, NAMES, {}, bad)).toBe('bad_cursor');
  });

  it('are overdue only while something is pending, and due soon in the last 7 days before that', async () => {
    const [late, soon, far] = [await made(-1, 'a.one'), await made(6.9, 'a.one'), await made(7.1, 'a.one')];
    const done = await made(-1, 'a.one');
    await work.query(`update item set outcome = 'unconfirmed', settled_at = now() where request_id = $1`, [done]);
    expect(await ids({ overdue: true })).toEqual([late]);
    expect(await ids({ overdue: false })).toEqual([done, far, soon]);
    expect(await ids({ dueSoon: true })).toEqual([soon]);
    expect(await ids({ dueSoon: false })).toEqual([done, far, late]);
    expect(await ids({ status: 'attention' })).toEqual([done]);
    expect(await ids({ status: 'queued', dueBefore: new Date(Date.UTC(2200, 0, 1)) })).toEqual([far, soon, late]);
    expect(await ids({ source: 'import' })).toEqual([]);
  });

  it('are found by the exact reference of their subject alone', async () => {
    const [one, other] = [await made(30, 'a.one'), await made(30, 'a.one')];
    for (const [id, ref] of [
      [one, 'user_\u00e9'],
      [other, 'user_e\u0301'],
    ] as const) {
      await work.query('update erasure_request set subject_digest = $2 where id = $1', [
        id,
        subjectDigest(work.vault, ref),
      ]);
    }
    expect(await ids({ subjectRef: 'user_\u00e9' })).toEqual([one]);
    expect(await ids({ subjectRef: 'user_e\u0301' })).toEqual([other]);
    expect(await ids({ subjectRef: 'USER_\u00e9' })).toEqual([]);
  });

  it('count every outcome, and in all', async () => {
    const id = await made(30, 'a.one', 'a.one', 'a.two');
    await work.query(
      `update item set outcome = 'cancelled', settled_at = now() where request_id = $1 and system = 'a.two'`,
      [id],
    );
    const request = await readRequest(work.database, work.vault, NAMES, id);
    const none = { erased: 0, already_absent: 0, nothing_matched: 0, unconfirmed: 0, failed: 0 };
    expect(request?.counts).toEqual({ total: 3, pending: 2, cancelled: 1, ...none });
    expect(request).toMatchObject({ status: 'queued', subject: null, note: null, settledAt: null, blockedBy: [] });
    expect(await readRequest(work.database, work.vault, NAMES, newId())).toBeNull();
  });

  it('are blocked by a closed gate of a system at which they wait, and by no other', async () => {
    const [one, two] = [await made(30, 'a.one'), await made(30, 'a.two')];
    for (const reason of ['credentials', 'quota', 'outage', 'contract', 'rate']) {
      await work.query(
        `update gate set reason = $1, since = '2026-01-01T00:00:00Z', until = now() + interval '1 minute' where system = 'a.one'`,
        [reason],
      );
      expect(await blockages(one)).toEqual([{ system: 'a.one', reason, since: '2026-01-01T00:00:00.000Z' }]);
      expect(await blockages(two)).toEqual([]);
    }
    await work.query(`update gate set until = now() - interval '1 second' where system = 'a.one'`);
    expect(await blockages(one)).toEqual([]);
    await work.query(`update gate set reason = 'quota' where system = 'a.one'`);
    await work.query(`update item set outcome = 'unconfirmed', settled_at = now() where request_id = $1`, [one]);
    expect(await blockages(one)).toEqual([]);
  });

  it('are blocked where the key was taken away while something was pending', async () => {
    const id = await made(30, 'b.gone', 'a.one');
    expect(await blockages(id)).toMatchObject([{ system: 'b.gone', reason: 'not_configured' }]);
  });
});
