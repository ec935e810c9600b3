import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Intake } from '../../src/erasure/intake.js';
import { storeRequests } from '../../src/erasure/store-requests.js';
import type { Idempotency, Submission } from '../../src/erasure/store-requests.js';
import type { Submitted } from '../../src/erasure/submit-request.js';
import { replaceEntry } from '../../src/store/subject-directory.js';
import { newId } from '../../src/store/identifiers.js';
import { readRequest } from '../../src/store/read-requests.js';
import { until } from '../support/until.js';
import { realWorkplace, target } from './real-workplace.js';
import type { RealWorkplace } from './real-workplace.js';

const BY = { actor: 'me', source: 'api' };
const MANY = 100;

describe('submissions that come together', () => {
  let place: RealWorkplace;
  let intake: Intake;
  beforeAll(async () => {
    place = await realWorkplace();
    intake = new Intake(place.workplace);
  });
  afterAll(() => place.close());

  const submission = (name: string, ids: readonly string[]): Submission => ({
    subjectRef: `user ${name}`,
    receivedAt: null,
    note: `note ${name}`,
    targets: [target({ system: 'supermemory.documents', ids })],
  });
  const keyed = (key: string, body = key): Idempotency => ({ route: 'POST /test', key, body });
  const accepted = (results: readonly Submitted[]) =>
    results.map((result) => {
      if (result.kind !== 'accepted') throw new Error(`a submission was ${result.kind}`);
      return result;
    });

  it('share transactions, and each is stored whole, with its own answer', async () => {
    const names = Array.from({ length: MANY }, (_, no) => `own-${no}`);
    const results = accepted(
      await Promise.all(
        names.map((name, no) =>
          intake.submit(submission(name, ids(name, 1 + (no % 7))), BY, no % 2 ? keyed(name) : null),
        ),
      ),
    );
    for (const [no, { id, body, replayed }] of results.entries()) {
      const stored = await readRequest(
        place.workplace.database,
        place.workplace.vault,
        place.workplace.configuredNames(),
        id,
      );
      expect(JSON.parse(body)).toEqual(stored);
      expect(stored).toMatchObject({ subject: { ref: `user own-${no}` }, counts: { total: 1 + (no % 7) } });
      expect(replayed).toBe(false);
    }
    const rows = await place.query<{ transactions: number; whole: number }>(
      `select count(distinct r.xmin::text)::int as transactions, count(*) filter (where
         exists (select from request_key k where k.request_id = r.id)
         and (select count(*) from sealed_block b where b.request_id = r.id) >= 2
         and (select count(*) from ledger_event e where e.stream = r.id::text) = 1)::int as whole
       from erasure_request r where id = any ($1::uuid[])`,
      [results.map(({ id }) => id)],
    );
    expect(rows[0]?.whole).toBe(MANY);
    expect(rows[0]?.transactions).toBeLessThan(MANY / 4);
  });

  it('under one key are one request, and every one gets its answer', async () => {
    const same = Array.from({ length: MANY }, async () =>
      intake.submit(submission('same', ['s1', 's2']), BY, keyed('same')),
    );
    const other = intake.submit(submission('other', ['s3']), BY, keyed('same', 'another body'));
    const results = accepted(await Promise.all(same));
    expect(new Set(results.map(({ id, body }) => `${id} ${body}`)).size).toBe(1);
    expect(results.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(await other).toEqual({ kind: 'key_reused' });
    expect(await place.query('select 1 from item where request_id = $1', [results[0]?.id])).toHaveLength(2);
  });

  it('and ask for the same ID say that another holds it, but for the first one or two', async () => {
    const results = accepted(
      await Promise.all(
        Array.from({ length: 20 }, async (_, no) => intake.submit(submission(`shared-${no}`, ['shared']), BY, null)),
      ),
    );
    const warned = await place.query(
      `select 1 from warning where code = 'also_requested' and request_id = any ($1::uuid[])`,
      [results.map(({ id }) => id)],
    );
    expect(warned.length).toBeGreaterThanOrEqual(18);
    expect(warned.length).toBeLessThan(20);
  });

  it('are stored although one of them cannot be', async () => {
    const before = await place.query('select 1 from erasure_request');
    const broken = target({ system: 'supermemory.documents', ids: ['b'] });
    const results = await Promise.allSettled(
      Array.from({ length: 30 }, async (_, no) =>
        intake.submit(
          no === 17
            ? { ...submission('broken', []), targets: [{ ...broken, system: 'nobody.knows' }] }
            : submission(`beside-${no}`, [`beside-${no}`]),
          BY,
          null,
        ),
      ),
    );
    expect(results.flatMap(({ status }, no) => (status === 'rejected' ? [no] : []))).toEqual([17]);
    expect(await place.query('select 1 from erasure_request')).toHaveLength(before.length + 29);
  });

  it('of which the directory knows nothing leave nothing behind', async () => {
    const nobody = { subjectRef: 'nobody', receivedAt: null, note: null, targets: null };
    const [unknown, known] = await Promise.all([
      intake.submit(nobody, BY, keyed('nobody')),
      intake.submit(submission('somebody', ['k1']), BY, keyed('somebody')),
      intake.submit(nobody, BY, keyed('nobody too')),
    ]);
    expect(unknown).toEqual({ kind: 'unknown_subject' });
    expect(known.kind).toBe('accepted');
    // The key is free for a submission that names its targets.
    expect((await intake.submit(submission('nobody', ['k2']), BY, keyed('nobody'))).kind).toBe('accepted');
  });

  it('of many IDs each are spread over transactions of at most a thousand values', async () => {
    const results = accepted(
      await Promise.all(
        Array.from({ length: 40 }, async (_, no) =>
          intake.submit(submission(`wide-${no}`, ids(`wide-${no}`, 150)), BY, keyed(`wide-${no}`)),
        ),
      ),
    );
    const sums = await place.query<{ items: number }>(
      `select count(*)::int as items from item where request_id = any ($1::uuid[]) group by xmin::text`,
      [results.map(({ id }) => id)],
    );
    expect(Math.max(...sums.map(({ items }) => items))).toBe(900);
  });

  it('and are big, or of whom the directory knows who knows how much, take a few connections, and leave the others', async () => {
    const { pool } = place.workplace.database;
    const ref = 'known to the directory';
    await replaceEntry(place.workplace.database, place.workplace.vault, ref, [
      { system: 'supermemory.documents', ids: ids('known', 300) },
    ]);
    let used = 0;
    const count = () => (used = Math.max(used, pool.totalCount - pool.idleCount));
    pool.on('acquire', count);
    const known = { subjectRef: ref, receivedAt: null, note: null, targets: null };
    const results = await Promise.all(
      Array.from({ length: 24 }, async (_, no) =>
        intake.submit(no % 2 ? known : submission(`big-${no}`, ids(`big-${no}`, 501)), BY, keyed(`big-${no}`)),
      ),
    );
    pool.off('acquire', count);
    expect(accepted(results)).toHaveLength(24);
    expect(used).toBeGreaterThan(1);
    expect(used).toBeLessThanOrEqual(4);
  });

  it('wait for a rotation of DATA_KEY longer than for a key', async () => {
    const { database } = place.workplace;
    const rotation = await database.pool.connect();
    await rotation.query('begin');
    await rotation.query('select 1 from installation for update');
    const request = {
      id: newId(),
      submission: submission('rotated', ['r']),
      ...BY,
      idempotency: keyed('r'),
      held: null,
    };
    const storing = database.transaction((tx) => storeRequests(tx, place.workplace, [request], 50));
    const ended = storing.catch((error: unknown) => error);
    await until('the submission to wait for its key', async () =>
      (
        await place.query(
          `select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%request_key%'`,
        )
      ).length > 0
        ? true
        : undefined,
    );
    // The limit on the wait for an idempotency key is long over.
    await pause(200);
    await rotation.query('rollback');
    rotation.release();
    expect(await ended).toMatchObject([{ kind: 'stored' }]);
  });

  it('do not wait for one whose key another transaction is taking', async () => {
    const holder = await place.workplace.database.pool.connect();
    try {
      await holder.query('begin');
      const digest = place.workplace.vault.lookupDigest('POST /test', 'in flight');
      await holder.query(
        `insert into idempotency_key (route, key_digest, request_id) select 'POST /test', $1, id from erasure_request limit 1`,
        [digest],
      );
      let waiting = true;
      const held = intake.submit(submission('held', ['h']), BY, keyed('in flight')).finally(() => (waiting = false));
      const others = await Promise.all(
        Array.from({ length: 10 }, async (_, no) => intake.submit(submission(`free-${no}`, [`f${no}`]), BY, null)),
      );
      expect(accepted(others)).toHaveLength(10);
      expect(waiting).toBe(true);
      expect(await held).toEqual({ kind: 'key_in_flight' });
    } finally {
      await holder.query('rollback');
      holder.release();
    }
  });
});

const ids = (name: string, count: number) => Array.from({ length: count }, (_, no) => `${name}-${no}`);
