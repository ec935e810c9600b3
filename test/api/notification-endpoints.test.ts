/** Endpoints for notifications, as an administrator makes, lists and deletes them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertDeliveries } from '../../src/store/notification-news.js';
import { REFUSED_URLS } from '../notifications/hostile-urls.js';
import { expectProblem, startApi } from './test-api.js';
import type { TestApi } from './test-api.js';

const ENDPOINTS = '/v1/notification-endpoints';
const NOBODY = '01890000-0000-7000-8000-000000000000';
const ALL = ['request.completed', 'request.attention', 'request.due_soon', 'request.overdue', 'system.blocked'];

interface Endpoint {
  readonly id: string;
  readonly url: string;
  readonly events: readonly string[];
  readonly secret?: string;
}

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

async function make(body: object = { url: 'https://hooks.example.com/expunge?token=tok3n' }): Promise<Endpoint> {
  const answer = await api.call('POST', ENDPOINTS, { body });
  expect(answer.status).toBe(201);
  return JSON.parse(answer.text);
}

async function list(query = ''): Promise<{ data: Endpoint[]; nextCursor: string | null }> {
  return JSON.parse((await api.call('GET', `${ENDPOINTS}${query}`)).text);
}

describe('an endpoint', () => {
  it('is made with a secret that is shown once, and told of everything unless it says otherwise', async () => {
    const { secret, ...made } = await make();
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(made).toMatchObject({ url: 'https://hooks.example.com/expunge?token=tok3n', events: ALL, disabledAt: null });
    const { data } = await list();
    expect(data).toContainEqual(made);
    expect(JSON.stringify(data)).not.toContain('whsec_');
    const some = await make({ url: 'https://hooks.example.com/', events: ['system.blocked', 'request.overdue'] });
    expect(some.events).toEqual(['request.overdue', 'system.blocked']);
    expect(some.secret).not.toBe(secret);
  });

  it('stands in no log, and sealed in the database', async () => {
    const { secret } = await make({ url: 'https://hooks.example.com/sealed-path?token=tok3n' });
    const { rows } = await api.workplace.database.pool.query('select e::text as row from notification_endpoint e');
    for (const text of [JSON.stringify(rows), api.logged.join('\n')]) {
      expect(text).not.toMatch(/tok3n|sealed-path/);
      expect(text).not.toContain(secret?.slice(6) ?? 'whsec_');
    }
  });

  it('is listed on pages, oldest first', async () => {
    const made = [await make(), await make(), await make()].map(({ id }) => id);
    const seen: string[] = [];
    for (let query = '?limit=1'; ;) {
      const page = await list(query);
      seen.push(...page.data.map(({ id }) => id));
      if (page.nextCursor === null) break;
      query = `?limit=1&cursor=${page.nextCursor}`;
    }
    expect(seen.slice(-3)).toEqual(made);
    expect(seen).toEqual(seen.toSorted());
    expect(expectProblem(await api.call('GET', `${ENDPOINTS}?cursor=x`), 400, 'invalid_input')).toEqual(['/cursor']);
  });

  it('is deleted with its log, once', async () => {
    const { id } = await make();
    expect((await api.call('DELETE', `${ENDPOINTS}/${id}`)).status).toBe(204);
    expect((await list('?limit=200')).data.map((one) => one.id)).not.toContain(id);
    expectProblem(await api.call('DELETE', `${ENDPOINTS}/${id}`), 404, 'not_found');
    expectProblem(await api.call('GET', `${ENDPOINTS}/${id}/deliveries`), 404, 'not_found');
  });

  it('is one of a hundred at most', async () => {
    for (let n = (await list('?limit=200')).data.length; n < 100; n += 1) await make();
    const answer = await api.call('POST', ENDPOINTS, { body: { url: 'https://hooks.example.com/' } });
    expectProblem(answer, 409, 'too_many_endpoints');
    await api.workplace.database.pool.query('delete from notification_endpoint');
  });
});

describe('B64: a URL that nothing may be sent to', () => {
  it.each(REFUSED_URLS.map((url) => [url.slice(0, 80), url]))(
    '%s is a 400 that names the field',
    async (_shown, url) => {
      const answer = await api.call('POST', ENDPOINTS, { body: { url: url.replace('{port}', '8443') } });
      expect(expectProblem(answer, 400, 'invalid_input')).toEqual(['/url']);
      expect(answer.text).not.toMatch(/hooks|metadata|passwd|secret/);
      expect((await list('?limit=200')).data).toEqual([]);
    },
  );
});

describe('a body that is not right', () => {
  it.each([
    [{}, '/url'],
    [{ url: 1 }, '/url'],
    [{ url: null }, '/url'],
    [{ url: '' }, '/url'],
    [{ url: 'https://hooks.example.com/', events: [] }, '/events'],
    [{ url: 'https://hooks.example.com/', events: 'request.completed' }, '/events'],
    [{ url: 'https://hooks.example.com/', events: ['*'] }, '/events'],
    [{ url: 'https://hooks.example.com/', events: ['request.completed', 'request.completed'] }, '/events'],
    [{ url: 'https://hooks.example.com/', events: [['request.completed']] }, '/events'],
    [{ url: 'https://hooks.example.com/', events: null }, '/events'],
    [{ url: 'https://hooks.example.com/', secret: 'whsec_x' }, '/secret'],
  ])('%j is a 400', async (body, path) => {
    expect(expectProblem(await api.call('POST', ENDPOINTS, { body }), 400, 'invalid_input')).toEqual([path]);
  });
});

describe('a delivery', () => {
  it('is listed without its body, newest first, and put back to be sent again', async () => {
    const { id } = await make();
    const deliveries = ['velt.documents', 'velt.comments'].map(
      (about) =>
        ({ endpointId: id, event: 'system.blocked', about, occasion: new Date(0), body: '{"b0dy":1}' }) as const,
    );
    for (const one of deliveries) await api.workplace.database.transaction((tx) => insertDeliveries(tx, [one]));
    const { pool } = api.workplace.database;
    await pool.query(`update notification_delivery set status = 'given_up', ended_at = now(), failure = 'status',
      http_status = 500, attempts = 10, tries = 10 where about = 'velt.documents'`);
    const answer = await api.call('GET', `${ENDPOINTS}/${id}/deliveries`);
    expect(answer.text).not.toContain('b0dy');
    const { data } = JSON.parse(answer.text) as { data: { id: string; about: string; status: string }[] };
    expect(data.map(({ about, status }) => [about, status])).toEqual([
      ['velt.comments', 'pending'],
      ['velt.documents', 'given_up'],
    ]);
    const again = await api.call('POST', `${ENDPOINTS}/${id}/deliveries/${data[1]?.id}/redeliver`);
    expect(again.status).toBe(202);
    expect(JSON.parse(again.text)).toMatchObject({ id: data[1]?.id, status: 'pending', attempts: 10, failure: null });
    const page = JSON.parse((await api.call('GET', `${ENDPOINTS}/${id}/deliveries?limit=1`)).text);
    expect(page.data).toHaveLength(1);
    expect(page.nextCursor).not.toBeNull();
    const other = await make();
    const path = `${ENDPOINTS}/${other.id}/deliveries/${data[1]?.id}/redeliver`;
    expectProblem(await api.call('POST', path), 404, 'not_found');
  });

  it('of an endpoint that is disabled is not sent again', async () => {
    const { id } = await make();
    await api.workplace.database.pool.query('update notification_endpoint set disabled_at = now() where id = $1', [id]);
    const answer = await api.call('POST', `${ENDPOINTS}/${id}/deliveries/${NOBODY}/redeliver`);
    expectProblem(answer, 409, 'endpoint_disabled');
    expect(answer.headers['retry-after']).toBeDefined();
  });
});
