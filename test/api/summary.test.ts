/** The numbers of a period. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aBody, expectProblem, startApi, SUBMIT } from './test-api.js';
import type { Answer, TestApi } from './test-api.js';

const SUPERMEMORY = 'supermemory.documents';
const PERIOD = 'from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

async function submitted(receivedAt: string, ids: readonly string[]): Promise<string> {
  const answer = await api.call('POST', SUBMIT, {
    body: aBody({ receivedAt, targets: [{ system: SUPERMEMORY, ids }] }),
  });
  expect(answer.status).toBe(202);
  const made: { id: string } = JSON.parse(answer.text);
  return made.id;
}
/** Stands in for the workers: every item refused, the request settled at that time. */
async function refuse(id: string, settledAt: string): Promise<void> {
  const { pool } = api.workplace.database;
  await pool.query(`update item set outcome = 'failed', reason = 'denied', settled_at = $2 where request_id = $1`, [
    id,
    settledAt,
  ]);
  await pool.query('update erasure_request set settled_at = $2 where id = $1', [id, settledAt]);
}
const summary = (query: string): Promise<Answer> => api.call('GET', `/v1/reports/summary?${query}`);
async function read(query: string): Promise<Record<string, unknown>> {
  const answer = await summary(query);
  expect(answer.status).toBe(200);
  const body: Record<string, unknown> = JSON.parse(answer.text);
  return body;
}

describe('the summary of a period', () => {
  it('of nothing is all zeros', async () => {
    expect(await read(PERIOD)).toMatchObject({
      from: '2026-01-01T00:00:00.000Z',
      to: '2026-02-01T00:00:00.000Z',
      requests: { total: 0, byStatus: { queued: 0, completed: 0 }, bySource: [], overdue: 0, settledLate: 0 },
      daysToSettle: { requests: 0, median: null, p95: null, longest: null },
      systems: [],
    });
  });

  it('counts what was received in it, its beginning included and its end not', async () => {
    await refuse(await submitted('2026-01-01T00:00:00Z', ['a1', 'a2', 'a3']), '2026-01-03T00:00:00Z');
    await refuse(await submitted('2026-01-31T23:59:59.999Z', ['b1']), '2026-03-12T23:59:59.999Z');
    await submitted('2026-01-15T00:00:00Z', ['c1', 'c2']);
    const cancelled = await submitted('2026-01-16T00:00:00Z', ['d1', 'd2']);
    expect((await api.call('POST', `${SUBMIT}/${cancelled}/cancel`)).status).toBe(200);
    await submitted('2026-02-01T00:00:00Z', ['outside']);
    await submitted('2025-12-31T23:59:59.999Z', ['outside']);
    expect(await read(PERIOD)).toMatchObject({
      requests: {
        total: 4,
        byStatus: { queued: 1, running: 0, completed: 0, attention: 2, cancelled: 1 },
        bySource: [{ source: 'api', requests: 4 }],
        overdue: 1,
      },
      daysToSettle: { requests: 2, median: 21, p95: 38.1, longest: 40 },
      systems: [
        {
          system: SUPERMEMORY,
          items: 8,
          outcomes: { pending: 2, erased: 0, failed: 4, cancelled: 2 },
          rates: { pending: 0.25, erased: 0, failed: 0.5, cancelled: 0.25 },
        },
      ],
    });
  });

  it('without a beginning goes back to the first request, and without an end to now', async () => {
    expect(await read('to=2026-01-01T00:00:00Z')).toMatchObject({ from: null, requests: { total: 1 } });
    expect(await read('from=2026-02-01T00:00:00Z')).toMatchObject({ requests: { total: 1 } });
    expect(await read('')).toMatchObject({ requests: { total: 6 } });
  });

  it.each([
    ['from=yesterday', ['/from']],
    ['from=2026-02-30T00:00:00Z&to=tomorrow', ['/from', '/to']],
    ['from=2026-01-01', ['/from']],
    ['from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z', ['/to']],
    ['from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z', ['/to']],
    ['from=2999-01-01T00:00:00Z', ['/from']],
    ['system=x', ['/system']],
  ])('with %s is refused', async (query, pointers) => {
    expect(expectProblem(await summary(query), 400, 'invalid_input').toSorted()).toEqual(pointers);
  });
});
