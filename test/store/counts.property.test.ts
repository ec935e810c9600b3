import fc from 'fast-check';
import type { QueryResult } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OUTCOMES } from '../../src/core/item.js';
import type { Outcome } from '../../src/core/item.js';
import { requestStatus } from '../../src/core/request.js';
import { testDatabase } from '../support/postgres.js';
import type { TestDatabase } from '../support/postgres.js';
import { Rows } from './rows.js';

let database: TestDatabase;
let rows: Rows;
beforeAll(async () => {
  database = await testDatabase();
  rows = new Rows(database.pool);
});
afterAll(async () => database.close());

const COUNTS = [...OUTCOMES, 'resolved'] as const;
interface CountRow {
  readonly id: string;
  readonly status: string;
  readonly settled: boolean;
  readonly started: boolean;
  readonly counts: Readonly<Record<(typeof COUNTS)[number], number>>;
}
const KEPT = `select id, status, settled_at is not null as settled, started_at is not null as started,
  jsonb_build_object(${COUNTS.map((name) => `'${name}', ${name}`).join(', ')}) as counts from erasure_request where id = any ($1::uuid[])`;
const COUNTED = `select jsonb_build_object(${OUTCOMES.map((name) => `'${name}', count(*) filter (where outcome = '${name}')`).join(', ')},
  'resolved', count(resolution)) as counts from item where request_id = $1`;

async function kept(...ids: string[]): Promise<CountRow[]> {
  return (await database.pool.query<CountRow>(KEPT, [ids])).rows;
}

describe('the status of a request in the database', () => {
  it('is what core says of the same counts', async () => {
    const id = await rows.request();
    const few = fc.oneof(
      { weight: 2, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 3 }) },
    );
    const counts = fc.record(
      Object.fromEntries(COUNTS.map((name) => [name, few])) as Record<(typeof COUNTS)[number], fc.Arbitrary<number>>,
    );
    await fc.assert(
      fc.asyncProperty(counts, fc.boolean(), async (given, started) => {
        const assigned = COUNTS.map((name, index) => `${name} = $${index + 2}`).join(', ');
        const at = `started_at = ${started ? 'now()' : 'null'}`;
        const values = COUNTS.map((name) => given[name]);
        await database.pool.query(`update erasure_request set ${assigned}, ${at} where id = $1`, [id, ...values]);
        const [row] = await kept(id);
        expect(row?.status).toBe(requestStatus(given, started));
      }),
      { numRuns: 300 },
    );
  });
});

describe('the counts of a request', () => {
  /** What anybody may do to some items of two requests in one statement: also what is refused, and changes nothing. */
  type Step =
    | { readonly kind: 'insert'; readonly outcomes: readonly string[]; readonly of: number }
    | { readonly kind: 'move'; readonly from: Outcome; readonly to: Outcome; readonly share: number }
    | { readonly kind: 'resolve'; readonly share: number }
    | { readonly kind: 'retry' };
  const unproven = fc.constantFrom('pending', 'failed', 'unconfirmed', 'cancelled');
  const outcome = fc.constantFrom(...OUTCOMES);
  const share = fc.integer({ min: 1, max: 3 });
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ kind: fc.constant('insert'), outcomes: fc.array(unproven, { maxLength: 4 }), of: fc.nat(1) }),
    fc.record({ kind: fc.constant('move'), from: outcome, to: outcome, share }),
    fc.record({ kind: fc.constant('resolve'), share }),
    fc.record({ kind: fc.constant('retry') }),
  );
  const changed: Record<Step['kind'], number> = { insert: 0, move: 0, resolve: 0, retry: 0 };

  it('always equal its items, and it is settled exactly when none is pending', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const ids = [await rows.request(), await rows.request()];
        for (const id of ids) {
          const item = await rows.item(id);
          await rows.attempt(id, [item], 'answered');
        }
        for (const one of steps) {
          const { rowCount } = await take(one, ids).catch(() => ({ rowCount: 0 }));
          changed[one.kind] += rowCount ?? 0;
        }
        for (const row of await kept(...ids)) {
          const counted = await database.pool.query<CountRow>(COUNTED, [row.id]);
          expect(row.counts).toEqual(counted.rows[0]?.counts);
          expect(row.settled).toBe(row.counts.pending === 0);
          expect(row.status).toBe(requestStatus(row.counts, row.started));
        }
      }),
      { numRuns: 60 },
    );
    for (const [kind, count] of Object.entries(changed)) expect(count, kind).toBeGreaterThan(0);
  });

  function take(one: Step, ids: readonly string[]): Promise<QueryResult> {
    const { pool } = database;
    switch (one.kind) {
      case 'insert': {
        const text = `insert into item (request_id, id, system, kind, block, slot, deadline, outcome, reason, settled_at)
          select $1, gen_random_uuid(), 's', 'id', 1, 0, now(), o, case when o = 'failed' then 'denied' end,
            case when o <> 'pending' then now() end from unnest($2::text[]) as w (o)`;
        return pool.query(text, [ids[one.of], one.outcomes]);
      }
      case 'move': {
        const text = `update item i set outcome = $2, reason = case when $2 = 'failed' then 'denied' end,
            evidence = case when $2 in ('erased', 'already_absent', 'nothing_matched') then 'provider' end,
            settled_at = case when $2 <> 'pending' then now() end, resolution = null,
            proof_id = (select p.attempt_id from attempt_part p where p.request_id = i.request_id and i.id = any (p.item_ids))
          where request_id = any ($1::uuid[]) and outcome = $3 and get_byte(uuid_send(id), 0) % $4 = 0`;
        return pool.query(text, [ids, one.to, one.from, one.share]);
      }
      case 'resolve': {
        const text = `update item set resolution = 'waived' where request_id = any ($1::uuid[])
          and outcome in ('failed', 'unconfirmed') and get_byte(uuid_send(id), 0) % $2 = 0`;
        return pool.query(text, [ids, one.share]);
      }
      case 'retry': {
        const text = `update item set outcome = 'pending', reason = null, settled_at = null, resolution = null
          where request_id = any ($1::uuid[]) and outcome in ('failed', 'unconfirmed')`;
        return pool.query(text, [ids]);
      }
    }
  }
});
