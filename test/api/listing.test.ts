/** Finding requests: filters, pages, and parameters that are none. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aBody, expectProblem, startApi, SUBMIT } from './test-api.js';
import type { Answer, TestApi } from './test-api.js';

interface Listed {
  readonly data: readonly { readonly id: string; readonly subject: { readonly ref: string } }[];
  readonly nextCursor: string | null;
}

let api: TestApi;
const made: string[] = [];
beforeAll(async () => {
  api = await startApi();
  for (const ref of ['ada', 'bob', 'ada', 'cy', 'ada']) {
    const answer = await api.call('POST', SUBMIT, { body: aBody({ subject: { ref } }) });
    const { id }: { id: string } = JSON.parse(answer.text);
    made.unshift(id);
  }
});
afterAll(() => api.close());

const listed = (answer: Answer): Listed => {
  expect(answer.status).toBe(200);
  const page: Listed = JSON.parse(answer.text);
  return page;
};
const get = (query: string): Promise<Answer> => api.call('GET', `${SUBMIT}?${query}`);
const search = (body: object): Promise<Answer> => api.call('POST', `${SUBMIT}/search`, { body });

describe('the list', () => {
  it('is newest first, in pages that leave nothing out', async () => {
    const first = listed(await get('limit=2'));
    const second = listed(await get(`limit=2&cursor=${first.nextCursor}`));
    const third = listed(await get(`limit=2&cursor=${second.nextCursor}`));
    expect([first, second, third].flatMap((page) => page.data.map(({ id }) => id))).toEqual(made);
    expect(third.nextCursor).toBeNull();
  });

  it.each([
    ['status=queued', 5],
    ['status=completed', 0],
    ['source=api', 5],
    ['source=webhook:x', 0],
    ['overdue=false', 5],
    ['overdue=true', 0],
    ['dueSoon=true', 0],
    ['dueBefore=2999-01-01T00:00:00Z', 5],
    ['dueBefore=2000-01-01T00:00:00%2B02:00', 0],
  ])('with %s has %i', async (query, count) => {
    expect(listed(await get(query)).data).toHaveLength(count);
  });

  it.each([
    ['B52', 'limit=0', '/limit'],
    ['B52', 'limit=-1', '/limit'],
    ['B52', 'limit=201', '/limit'],
    ['B52', 'limit=1e9', '/limit'],
    ['B52', 'limit=NaN', '/limit'],
    ['B52', 'limit=01', '/limit'],
    ['B52', 'limit=1&limit=2', '/limit'],
    ['B52', 'cursor=garbage', '/cursor'],
    ['B52', 'cursor=', '/cursor'],
    ['B52', 'cursor=MDE4OTAwMDA', '/cursor'],
    ['B53', 'sort=;drop', '/sort'],
    ['B53', 'filter[__proto__]=1', '/filter[__proto__]'],
    ['B53', '__proto__=1', '/__proto__'],
    ['B53', 'constructor=1', '/constructor'],
    ['B53', 'a[]=1', '/a[]'],
    ['B53', 'status=done', '/status'],
    ['B53', 'overdue=1', '/overdue'],
    ['B53', 'dueBefore=tomorrow', '/dueBefore'],
    ['B53', 'subject=ada', '/subject'],
  ])('%s: with %s is refused', async (_row, query, pointer) => {
    expect(expectProblem(await get(query), 400, 'invalid_input')).toEqual([pointer]);
  });

  it('B53: of items takes only its own filters', async () => {
    const items = `${SUBMIT}/${made[0]}/items`;
    expect(
      listed(await api.call('GET', `${items}?system=supermemory.documents&outcome=pending&kind=id`)).data,
    ).toHaveLength(2);
    expect(listed(await api.call('GET', `${items}?system=velt.documents`)).data).toHaveLength(0);
    expect(
      expectProblem(await api.call('GET', `${items}?outcome=gone&kind=x&system=y`), 400, 'invalid_input').sort(),
    ).toEqual(['/kind', '/outcome', '/system']);
  });

  it('is refused parameters where there are none', async () => {
    for (const path of [`${SUBMIT}/${made[0]}`, '/v1/systems']) {
      expect(expectProblem(await api.call('GET', `${path}?a=1`), 400, 'invalid_input')).toEqual(['/a']);
    }
  });
});

describe('the search', () => {
  it('finds a subject exactly', async () => {
    expect(listed(await search({ subject: { ref: 'ada' } })).data.map(({ subject }) => subject.ref)).toEqual([
      'ada',
      'ada',
      'ada',
    ]);
    expect(listed(await search({ subject: { ref: 'Ada' } })).data).toEqual([]);
    expect(listed(await search({ subject: { ref: 'ad' } })).data).toEqual([]);
  });

  it('takes the filters of the list as JSON, and the cursor as it was given', async () => {
    const first = listed(
      await search({ subject: { ref: 'ada' }, status: 'queued', overdue: false, limit: 2, cursor: null }),
    );
    expect(first.data).toHaveLength(2);
    expect(listed(await search({ subject: { ref: 'ada' }, limit: 2, cursor: first.nextCursor })).data).toHaveLength(1);
  });

  it.each([
    [{ limit: '2' }, '/limit'],
    [{ limit: 1.5 }, '/limit'],
    [{ overdue: 'true' }, '/overdue'],
    [{ subject: 'ada' }, '/subject'],
    [{ subject: { ref: 1 } }, '/subject/ref'],
    [{ subject: {} }, '/subject/ref'],
    [{ ref: 'ada' }, '/ref'],
  ])('refuses %j', async (body, pointer) => {
    expect(expectProblem(await search(body), 400, 'invalid_input')).toEqual([pointer]);
  });
});
