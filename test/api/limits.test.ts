/** How often an address may be wrong, and how often a key may ask: over all processes. */
import { afterEach, describe, expect, it } from 'vitest';
import { Clock } from '../../src/api/clock.js';
import { SharedCounts } from '../../src/api/shared-counts.js';
import { openInstallation } from '../support/service.js';
import { until } from '../support/until.js';
import { aBody, expectProblem, startApi, SUBMIT } from './test-api.js';
import type { Answer, Options, TestApi } from './test-api.js';

const undone: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const undo of undone.splice(0)) await undo();
});

async function start(limits: NonNullable<Options['limits']>): Promise<TestApi> {
  const api = await startApi({ limits });
  undone.push(() => api.close());
  return api;
}

/** Another process on the same database, as far as its counts go. */
function neighbour(api: TestApi): SharedCounts {
  const counts = new SharedCounts(api.workplace, new Clock());
  undone.unshift(() => counts.onModuleDestroy());
  return counts;
}

const statuses = async (times: number, ask: () => Promise<Answer>): Promise<number[]> => {
  const seen: number[] = [];
  for (let time = 0; time < times; time += 1) seen.push((await ask()).status);
  return seen;
};
const times = (count: number, status: number): number[] => Array.from({ length: count }, () => status);

function expectLimited(answer: Answer): void {
  expectProblem(answer, 429, 'rate_limited');
  expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(1);
  expect(Number(answer.headers['retry-after'])).toBeLessThanOrEqual(60);
}

describe('an address with wrong keys', () => {
  const wrong = (api: TestApi, headers: Readonly<Record<string, string>> = {}, key = 'expunge_wrong') =>
    api.call('GET', SUBMIT, { key, headers });

  it('B58: is told to wait, and keys that were seen to open are not', async () => {
    const api = await start({ authFailuresPerMinute: 20 });
    const unseen = await api.makeKey(['admin']);
    expect((await api.call('GET', SUBMIT)).status).toBe(200);
    expect(await statuses(20, () => wrong(api))).toEqual(times(20, 401));
    expectLimited(await wrong(api));
    expectLimited(await wrong(api, {}, 'expunge_another'));
    expect((await api.call('GET', SUBMIT)).status).toBe(200);
    // Whoever guesses does not learn that this guess was right.
    expectLimited(await api.call('GET', SUBMIT, { key: unseen }));
    expect((await api.call('GET', '/healthz', { key: null })).status).toBe(200);
  });

  it('is none for calls without a key, with another scheme, or with a key that has run out', async () => {
    const api = await start({ authFailuresPerMinute: 2 });
    const expired = await api.makeKey(['admin'], new Date(Date.now() - 1));
    expect(await statuses(5, () => api.call('GET', SUBMIT, { key: null }))).toEqual(times(5, 401));
    const headers = { authorization: 'Basic YTpi' };
    expect(await statuses(5, () => api.call('GET', SUBMIT, { key: null, headers }))).toEqual(times(5, 401));
    expect(await statuses(5, () => api.call('GET', SUBMIT, { key: expired }))).toEqual(times(5, 401));
  });

  it('is the socket’s own, whatever a header says', async () => {
    const api = await start({ authFailuresPerMinute: 2 });
    const forged = (no: number) => wrong(api, { 'x-forwarded-for': `203.0.113.${no}` });
    expect([(await forged(1)).status, (await forged(2)).status]).toEqual([401, 401]);
    expectLimited(await forged(3));
  });

  it('B57: is the one that the outermost of our proxies saw, and no other that the header names', async () => {
    const api = await start({ authFailuresPerMinute: 2, trustedProxies: 1 });
    const from = (address: string) => wrong(api, { 'x-forwarded-for': `198.51.100.7, ${address}` });
    expect(await statuses(2, () => from('203.0.113.1'))).toEqual([401, 401]);
    expectLimited(await from('203.0.113.1'));
    expect((await from('203.0.113.2')).status).toBe(401);
    expect(await statuses(2, () => from('2001:db8:1:2::1'))).toEqual([401, 401]);
    expectLimited(await from('2001:db8:1:2:ffff::2'));
    expect((await from('2001:db8:1:3::1')).status).toBe(401);
  });

  it('stands nowhere in clear', async () => {
    const api = await start({ authFailuresPerMinute: 2, trustedProxies: 1 });
    await wrong(api, { 'x-forwarded-for': '203.0.113.99' });
    const { pool } = api.workplace.database;
    const rows = await until('the count to be shared', async () => {
      const found = (await pool.query<{ key: string }>('select key from rate_window')).rows;
      return found.length > 0 ? found : undefined;
    });
    expect(rows.map(({ key }) => key)).toEqual([expect.stringMatching(/^failures [0-9a-f]{32}$/)]);
    expect(api.logged.join('\n')).not.toContain('203.0.113.99');
  });
});

describe('a key', () => {
  it('B58: may ask so often a minute, is told how much is left, and then to wait; others go on', async () => {
    const api = await start({ keyRequestsPerMinute: 5 });
    const other = await api.makeKey(['requests:read']);
    const own = await api.makeKey(['requests:read']);
    expect(await statuses(7, () => api.call('POST', SUBMIT, { key: own }))).toEqual([...times(5, 403), 429, 429]);
    const first = await api.call('GET', SUBMIT);
    expect(first.headers).toMatchObject({ 'x-ratelimit-limit': '5', 'x-ratelimit-remaining': '4' });
    expect(await statuses(4, () => api.call('GET', SUBMIT))).toEqual(times(4, 200));
    const before = await api.stored();
    const limited = await api.call('POST', SUBMIT, { body: aBody() });
    expectLimited(limited);
    expect(await api.stored()).toBe(before);
    expect((await api.call('GET', SUBMIT, { key: other })).status).toBe(200);
    expect((await api.call('GET', '/healthz', { key: null })).status).toBe(200);
  });

  it('is not kept longer for asking in vain', async () => {
    const api = await start({ keyRequestsPerMinute: 2 });
    expect(await statuses(6, () => api.call('GET', SUBMIT))).toEqual([200, 200, 429, 429, 429, 429]);
    await api.app.get(SharedCounts, { strict: false }).onModuleDestroy();
    expect((await rows(api)).map(({ hits }) => hits)).toEqual([2]);
  });
});

describe('counts', () => {
  it('are those of all processes', async () => {
    const api = await start({});
    const [one, two] = [neighbour(api), neighbour(api)];
    for (let no = 0; no < 6; no += 1) one.count('k', 10, 60_000);
    await until('the first to be shared', async () => (await rows(api)).find(({ hits }) => hits === 6));
    two.count('k', 10, 60_000);
    await until('the counts to meet', () => (two.secondsOver('k', 7) === null ? undefined : true));
    expect(two.secondsOver('k', 8)).toBeNull();
    expect([1, 2, 3, 4].map(() => two.count('k', 10, 60_000).over)).toEqual([false, false, false, true]);
  });

  it('begin anew when their window is over', async () => {
    const api = await start({});
    const [one, two] = [neighbour(api), neighbour(api)];
    one.count('k', 1, 400);
    await until('the window to be shared', async () => (await rows(api)).find(({ hits }) => hits === 1));
    expect(one.count('k', 1, 400).over).toBe(true);
    await until('the window to end', async () => ((await rows(api))[0]?.ended === true ? true : undefined));
    expect(two.count('k', 1, 60_000).over).toBe(false);
    await until('the next window', async () => ((await rows(api))[0]?.ended === false ? true : undefined));
    expect((await rows(api)).map(({ hits }) => hits)).toEqual([1]);
  });

  it('go on in each process while the database is away, and are shared once it is back', async () => {
    const api = await start({});
    const counts = neighbour(api);
    const { pool } = api.workplace.database;
    await pool.query('alter table rate_window rename to elsewhere');
    expect([1, 2, 3].map(() => counts.count('k', 2, 60_000).over)).toEqual([false, false, true]);
    await until('the failure to be told', () => api.logged.find((line) => line.includes('not shared')));
    await pool.query('alter table elsewhere rename to rate_window');
    await counts.onModuleDestroy();
    expect((await rows(api)).map(({ hits }) => hits)).toEqual([2]);
  });

  it('leave no window behind for long', async () => {
    const api = await start({});
    const { pool } = api.workplace.database;
    await pool.query("insert into rate_window values ('old', 1, now() - interval '2 minutes'), ('new', 1, now())");
    neighbour(api).count('k', 1, 60_000);
    await until('the old one to go', async () =>
      (await rows(api)).some(({ key }) => key === 'old') ? undefined : true,
    );
    expect((await rows(api)).map(({ key }) => key)).toEqual(['k', 'new']);
  });
});

async function rows(api: TestApi): Promise<{ key: string; hits: number; ended: boolean }[]> {
  const text = 'select key, hits, ends_at <= now() as ended from rate_window order by key';
  return (await api.workplace.database.pool.query<{ key: string; hits: number; ended: boolean }>(text)).rows;
}

describe('two processes of one installation', () => {
  it('hold one limit together', async () => {
    const env = { KEY_REQUESTS_PER_MINUTE: '120' };
    const installation = await openInstallation({ env });
    undone.push(() => installation.close());
    const [one, two] = [await installation.start({ role: 'api' }), await installation.start({ role: 'api' })];
    const ask = async (api: typeof one.api) => (await api.call('GET', SUBMIT)).status;
    for (let no = 0; no < 60; no += 1) expect(await ask(one.api)).toBe(200);
    await until('the first to be heard of', async () => {
      const [row] = await installation.sql<{ hits: number }>(
        "select hits from rate_window where key like 'requests %'",
      );
      return row?.hits === 60 ? row : undefined;
    });
    // Its first is counted before it can know of the other.
    expect(await ask(two.api)).toBe(200);
    const left = await until('the second to hear of it', async () => {
      const answer = await two.api.call('GET', SUBMIT);
      const remaining = Number(answer.headers.get('x-ratelimit-remaining'));
      return remaining < 60 ? remaining : undefined;
    });
    for (let no = 0; no < left; no += 1) expect(await ask(two.api)).toBe(200);
    expect(await ask(two.api)).toBe(429);
  });
});
