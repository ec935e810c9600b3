/** Health, metrics and documents; and what a caller sees while the database is away. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aBody, expectProblem, startApi, SUBMIT } from './test-api.js';
import { ROUTE_SCOPES } from './routes.js';
import type { TestApi } from './test-api.js';
import { until } from '../support/until.js';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

describe('health', () => {
  it('says that it lives and is ready', async () => {
    expect(JSON.parse((await api.call('GET', '/healthz')).text)).toEqual({
      status: 'ok',
      eventLoopDelayMs: expect.any(Number),
    });
    const answer = await api.call('GET', '/readyz');
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toEqual({
      status: 'ready',
      checks: { database: 'up', migrations: 'up', queue: 'up' },
    });
  });

  it('says how late the event loop ran at worst since it was last asked', async () => {
    const delay = async (): Promise<number> => JSON.parse((await api.call('GET', '/healthz')).text).eventLoopDelayMs;
    await until('a block to be seen', async () => {
      await pause(50);
      for (const untilMs = performance.now() + 600; performance.now() < untilMs;);
      return (await delay()) >= 500 ? true : undefined;
    });
    await until('a loop that runs again', async () => ((await delay()) < 500 ? true : undefined));
  });

  it('is ready without the queue, and says so', async () => {
    const other = await startApi({ queuePing: () => Promise.reject(new Error('redis://secret-host')) });
    const answer = await other.call('GET', '/readyz');
    await other.close();
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({ checks: { queue: 'degraded' } });
    expect(answer.text).not.toContain('secret-host');
  });

  it('is not ready with a schema that is behind', async () => {
    const other = await startApi();
    await other.workplace.database.pool.query('delete from _prisma_migrations');
    const answer = await other.call('GET', '/readyz');
    await other.close();
    expectProblem(answer, 503, 'not_ready');
    expect(JSON.parse(answer.text)).toMatchObject({ checks: { database: 'up', migrations: 'down' } });
  });
});

describe('metrics', () => {
  it('count what is there and what was called', async () => {
    await api.call('POST', SUBMIT, { body: aBody() });
    api.metrics.observe('supermemory.documents', 'answered', 0.3);
    const answer = await api.call('GET', '/metrics');
    expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    const lines = answer.text.split('\n');
    for (const line of [
      'expunge_items_total{system="supermemory.documents",outcome="pending"} 2',
      'expunge_items_pending{system="supermemory.documents"} 2',
      'expunge_items_pending{system="velt.documents"} 0',
      'expunge_requests{status="queued"} 1',
      'expunge_requests{status="attention"} 0',
      'expunge_requests_held 0',
      'expunge_requests_overdue 0',
      'expunge_requests_due_soon 0',
      'expunge_provider_calls_total{system="supermemory.documents",verdict="answered"} 1',
      'expunge_provider_call_seconds_count{system="supermemory.documents"} 1',
    ]) {
      expect(lines).toContain(line);
    }
    expect(answer.text).toMatch(/# TYPE expunge_oldest_due_seconds gauge\n[\s\S]*# TYPE expunge_gate_closed gauge\n/);
  });

  it('count unsettled requests by their due date, and settled ones not', async () => {
    const other = await startApi();
    const daysAgo = (days: number): string => new Date(Date.now() - days * 24 * 60 * 60 * 1000).toISOString();
    for (const days of [0, 26, 27, 60, 61, 62]) {
      await other.call('POST', SUBMIT, { body: aBody({ receivedAt: daysAgo(days) }) });
    }
    const late = JSON.parse((await other.call('GET', `${SUBMIT}?overdue=true&limit=1`)).text) as {
      data: { id: string }[];
    };
    await other.call('POST', `${SUBMIT}/${late.data[0]?.id ?? ''}/cancel`);
    const lines = (await other.call('GET', '/metrics')).text.split('\n');
    await other.close();
    expect(lines).toContain('expunge_requests_overdue 2');
    expect(lines).toContain('expunge_requests_due_soon 2');
  });
});

describe('documents', () => {
  interface Operation {
    readonly security?: readonly { readonly key: readonly string[] }[];
    readonly responses: Readonly<Record<string, unknown>>;
  }

  it('describe every route, its key and its errors', async () => {
    const document: {
      openapi: string;
      paths: Record<string, Record<string, Operation>>;
      components: { schemas: object };
    } = JSON.parse((await api.call('GET', '/openapi.json')).text);
    expect(document.openapi).toMatch(/^3\.1\.\d+$/);
    const paths = Object.entries(document.paths).filter(([path]) => path.startsWith('/v1/'));
    expect(
      paths.flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`)).sort(),
    ).toEqual(Object.keys(ROUTE_SCOPES).sort());
    for (const [path, methods] of paths) {
      for (const [method, { security, responses }] of Object.entries(methods)) {
        const scope = ROUTE_SCOPES[`${method} ${path}`];
        expect(security, `${method} ${path}`).toEqual(scope ? [{ key: [scope] }] : undefined);
        if (scope) expect(Object.keys(responses)).toEqual(expect.arrayContaining(['401', '403', '429', '503']));
      }
    }
  });

  it('refer to nothing that is not there', async () => {
    const { text } = await api.call('GET', '/openapi.json');
    const { components }: { components: { schemas: Record<string, unknown> } } = JSON.parse(text);
    for (const [, name] of text.matchAll(/#\/components\/schemas\/([^"]*)"/g))
      expect(components.schemas).toHaveProperty(name ?? '');
    expect(components.schemas).toMatchObject({
      SubmitRequestDto: {
        additionalProperties: false,
        required: ['subject'],
        properties: {
          targets: { items: { oneOf: [{}, {}, { properties: { system: { const: 'supermemory.documents' } } }] } },
        },
      },
    });
  });

  it('have a page that needs nothing from elsewhere', async () => {
    const page = await api.call('GET', '/docs');
    expect(page.headers['content-security-policy']).toContain("script-src 'self'");
    expect(page.text).not.toMatch(/(src|href)=["']?(https?:)?\/\//);
    const files = [...page.text.matchAll(/(?:src|href)=["']\.(\/docs\/[^"']+)["']/g)].map(([, file]) => file ?? '');
    expect(files).toContain('/docs/swagger-ui-bundle.js');
    for (const file of files) expect((await api.call('GET', file)).status).toBe(200);
  });
});

describe('while the database', () => {
  it('B70: is away, calls are put off and nothing is told of it', async () => {
    const away = await startApi();
    const { pool } = away.workplace.database;
    const home = pool.options.host;
    pool.options.host = '/nowhere/secret-socket';
    await api.workplace.database.pool.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1',
      [pool.options.database],
    );
    for (const [method, path, body] of [
      ['POST', SUBMIT, aBody()],
      ['GET', SUBMIT],
      ['GET', '/metrics'],
      ['GET', '/readyz'],
    ] as const) {
      const answer = await away.call(method, path, { body });
      expectProblem(answer, 503, path === '/readyz' ? 'not_ready' : 'unavailable');
      expect(answer.headers['retry-after']).toMatch(/^\d+$/);
      expect(answer.text).not.toMatch(/secret-socket|ENOENT|prisma/i);
    }
    expect((await away.call('GET', '/healthz')).status).toBe(200);
    Object.assign(pool.options, { host: home });
    expect((await away.call('GET', SUBMIT)).status).toBe(200);
    await away.close();
  });

  it('B70: takes no writes, submitting is put off and reading is not', async () => {
    const other = await startApi();
    const { pool } = other.workplace.database;
    await pool.query(`alter database ${pool.options.database} set default_transaction_read_only = on`);
    await api.workplace.database.pool.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1',
      [pool.options.database],
    );
    await expect.poll(async () => (await other.call('GET', SUBMIT)).status).toBe(200);
    expectProblem(await other.call('POST', SUBMIT, { body: aBody() }), 503, 'unavailable');
    await other.close();
  });
});

describe('a fault of ours', () => {
  it('is a 500 that says nothing, and is logged once, without the words of others', async () => {
    const broken = await startApi();
    await broken.workplace.database.pool.query('drop table erasure_request cascade');
    const answer = await broken.call('GET', SUBMIT);
    await broken.close();
    expectProblem(answer, 500, 'internal');
    const faults = broken.logged.filter((line) => line.includes('failed on our side'));
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(String(answer.headers['x-request-id']));
    expect(faults[0]).toContain('read-requests.ts');
    expect(faults[0] ?? '').not.toMatch(/does not exist|select|findMany\(\)/i);
  });
});
