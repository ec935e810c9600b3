import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VERDICTS } from '../../src/core/answer.js';
import { OUTCOMES, PROVEN, TRANSITIONS } from '../../src/core/item.js';
import { testDatabase } from '../support/postgres.js';
import type { TestDatabase } from '../support/postgres.js';
import { fitting, Rows } from './rows.js';

const FINAL = OUTCOMES.filter((outcome) => Object.keys(TRANSITIONS[outcome]).length === 0);

let database: TestDatabase;
let rows: Rows;
beforeAll(async () => {
  database = await testDatabase();
  rows = new Rows(database.pool);
});
afterAll(async () => database.close());

function sql(text: string, ...values: unknown[]): Promise<unknown> {
  return database.pool.query(text, values);
}

describe('an outcome that says gone', () => {
  it('needs the answered call that carried the item', async () => {
    for (const outcome of PROVEN) {
      const requestId = await rows.request();
      const other = await rows.request();
      const id = await rows.item(requestId);
      const neighbour = await rows.item(requestId);
      const cases: [string, string | null][] = [
        ['none', null],
        ['one that is not there', randomUUID()],
        ['one that is under way', await rows.attempt(requestId, [id], null)],
        ['one that carried a neighbour', await rows.attempt(requestId, [neighbour], 'answered')],
        ['one of another request', await rows.attempt(other, [id], 'answered')],
      ];
      for (const verdict of VERDICTS.filter((word) => word !== 'answered')) {
        cases.push([verdict, await rows.attempt(requestId, [id], verdict)]);
      }
      for (const [what, proofId] of cases) {
        await expect(rows.settle(requestId, id, outcome, proofId), `${outcome} by ${what}`).rejects.toThrow(/attempt/);
      }
      const proofId = await rows.attempt(requestId, [neighbour, id], 'answered');
      await rows.settle(requestId, id, outcome, proofId);
      const undone = sql('update item set proof_id = $2 where id = $1', id, randomUUID());
      await expect(undone, 'the proof is taken away').rejects.toThrow(/attempt/);
    }
  });

  it('of a revealed item needs the answered call of its selector', async () => {
    const requestId = await rows.request();
    const selectorId = await rows.item(requestId, { kind: 'selector' });
    const stranger = await rows.item(requestId, { kind: 'selector' });
    const id = await rows.item(requestId, { kind: 'discovered', selectorId });
    const foreign = await rows.attempt(requestId, [stranger], 'answered');
    await expect(rows.settle(requestId, id, 'erased', foreign)).rejects.toThrow(/attempt/);
    const own = await rows.attempt(requestId, [selectorId], 'answered');
    await rows.settle(requestId, id, 'erased', own);
    const revealed = { kind: 'discovered', selectorId, ...fitting('erased') } as const;
    await rows.item(requestId, { ...revealed, proofId: own });
    await expect(rows.item(requestId, { ...revealed, proofId: foreign })).rejects.toThrow(/attempt/);
  });

  it('cannot be inserted for a submitted item', async () => {
    const requestId = await rows.request();
    for (const outcome of PROVEN) {
      const proofId = await rows.attempt(requestId, [], 'answered');
      await expect(rows.item(requestId, { ...fitting(outcome), proofId }), outcome).rejects.toThrow(/attempt/);
    }
  });
});

describe('an item', () => {
  it('never leaves a final outcome', async () => {
    expect(FINAL).toEqual(['erased', 'already_absent', 'nothing_matched', 'cancelled']);
    for (const from of FINAL) {
      const { requestId, id } = await rows.ended(from);
      for (const to of OUTCOMES.filter((outcome) => outcome !== from)) {
        await expect(rows.settle(requestId, id, to), `${from} to ${to}`).rejects.toThrow(`outcome ${from} is final`);
      }
    }
    for (const from of ['failed', 'unconfirmed'] as const) {
      const { requestId, id } = await rows.ended(from);
      await rows.settle(requestId, id, 'pending');
    }
  });

  it('has an outcome, kind, evidence and reason out of their lists, and those that fit each other', async () => {
    const requestId = await rows.request();
    for (const outcome of OUTCOMES.filter((word) => !PROVEN.includes(word)))
      await rows.item(requestId, fitting(outcome));
    const wrong = [
      { outcome: 'deleted', settled: true },
      { ...fitting('failed'), reason: 'because' },
      { ...fitting('failed'), reason: null },
      { ...fitting('unconfirmed'), reason: 'denied' },
      { ...fitting('unconfirmed'), evidence: 'provider' },
      { ...fitting('pending'), settled: true },
      { ...fitting('failed'), settled: false },
      { ...fitting('cancelled'), settled: false },
      { kind: 'discovered' as const },
      { kind: 'id' as const, selectorId: randomUUID() },
    ];
    for (const row of wrong) await expect(rows.item(requestId, row), JSON.stringify(row)).rejects.toThrow(/check/);
    const id = await rows.item(requestId);
    const proofId = await rows.attempt(requestId, [id], 'answered');
    const guess = `update item set outcome = 'erased', evidence = 'guess', settled_at = now(), proof_id = $2 where id = $1`;
    await expect(sql(guess, id, proofId)).rejects.toThrow(/item_evidence_check/);
    const bare = `update item set outcome = 'erased', settled_at = now(), proof_id = $2 where id = $1`;
    await expect(sql(bare, id, proofId)).rejects.toThrow(/evidence_fits/);
    await expect(sql("update item set kind = 'tag' where id = $1", id)).rejects.toThrow(/check/);
    await expect(sql("update item set resolution = 'waived' where id = $1", id)).rejects.toThrow(/resolution_fits/);
  });

  it('stands once for each thing submitted in a request, and once for each that a selector revealed', async () => {
    const [a, b] = [await rows.request(), await rows.request()];
    const digest = randomBytes(16);
    await rows.item(a, { digest });
    await rows.item(b, { digest });
    await expect(rows.item(a, { digest })).rejects.toThrow('item_submitted_once');
    const [one, two] = [await rows.item(a, { kind: 'selector' }), await rows.item(a, { kind: 'selector' })];
    await rows.item(a, { kind: 'discovered', selectorId: one, digest });
    await rows.item(a, { kind: 'discovered', selectorId: two, digest });
    await expect(rows.item(a, { kind: 'discovered', selectorId: one, digest })).rejects.toThrow('item_discovered_once');
    await rows.item(a, { digest: null });
    await rows.item(a, { digest: null });
  });

  it('belongs to a request, and to one live batch at most', async () => {
    await expect(rows.item(randomUUID())).rejects.toThrow('item without its request');
    const requestId = await rows.request();
    const id = await rows.item(requestId);
    const claim = async (): Promise<unknown> => {
      const batchId = randomUUID();
      await sql("insert into batch (id, system, provider, lease_until) values ($1, 's', 'p', now())", batchId);
      return sql('insert into claim (request_id, item_id, batch_id) values ($1, $2, $3)', requestId, id, batchId);
    };
    await claim();
    await expect(claim()).rejects.toThrow('claim_pkey');
  });
});

describe('an attempt', () => {
  it('is completed once', async () => {
    const requestId = await rows.request();
    const id = await rows.attempt(requestId, [], 'interrupted');
    const changes = [
      "verdict = 'answered'",
      "ended_at = ended_at + interval '1 second'",
      'verdict = null, ended_at = null',
      'spent = true',
    ];
    for (const change of changes) {
      await expect(sql(`update attempt set ${change} where id = $1`, id), change).rejects.toThrow('completed once');
    }
    await sql('update attempt set late = true, http_status = 200 where id = $1', id);
    await expect(sql('update attempt set http_status = 500 where id = $1', id)).rejects.toThrow('completed once');
    await expect(sql('update attempt set late = false where id = $1', id)).rejects.toThrow('completed once');
  });

  it('has an end exactly when it has a verdict, and a verdict out of the list', async () => {
    const requestId = await rows.request();
    for (const verdict of VERDICTS) await rows.attempt(requestId, [], verdict);
    await expect(rows.attempt(requestId, [], 'lost')).rejects.toThrow(/check/);
    const id = await rows.attempt(requestId, [], null);
    await expect(sql('update attempt set ended_at = now() where id = $1', id)).rejects.toThrow(/check/);
    await expect(sql("update attempt set verdict = 'answered' where id = $1", id)).rejects.toThrow(/check/);
  });
});

describe('the record', () => {
  it('cannot be deleted', async () => {
    const { requestId, id } = await rows.ended('erased');
    for (const table of ['item', 'attempt', 'attempt_part', 'erasure_request']) {
      await expect(sql(`delete from ${table}`), table).rejects.toThrow('is kept for good');
      await expect(sql(`truncate ${table} cascade`), table).rejects.toThrow('is kept for good');
    }
    const { rows: left } = await database.pool.query('select from item where request_id = $1 and id = $2', [
      requestId,
      id,
    ]);
    expect(left).toHaveLength(1);
  });
});
