/** Postgres stopped altogether: every route says so and says when to come again, and a process that is told to stop ends. */
import { Pool } from 'pg';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { SuitePostgres } from '../faults/postgres.js';
import { TcpProxy } from '../faults/tcp-proxy.js';
import type { Problem } from '../support/api-client.js';
import { openInstallation } from '../support/service.js';
import type { Installation } from '../support/service.js';
import { startServiceProcess } from '../support/service-process.js';
import { until } from '../support/until.js';

const SUPERMEMORY = 'supermemory.documents';
const SEED = { existingPrefixes: { [SUPERMEMORY]: ['m'] } };
const NOBODY = '01890000-0000-7000-8000-000000000000';
/** Beyond what running calls may take. */
const STOP_WITHIN_MS = 40_000;
/** Postgres is stopped and started in each test, and processes with it. */
const WITHIN_MS = 120_000;

/** What is answered without a look into the database. */
const ALIVE: Readonly<Record<string, number>> = { 'get /healthz': 200 };

let postgres: SuitePostgres;
let proxy: TcpProxy;
beforeAll(async () => {
  postgres = await SuitePostgres.start();
  // Its socket is another after each start.
  proxy = new TcpProxy(() => postgres.socket());
  await proxy.open();
});
afterAll(async () => {
  await proxy.close();
  await postgres.stop();
});

let open: Installation | null = null;
afterEach(async () => {
  await open?.close();
  open = null;
});

async function installation(latencyMs = 0): Promise<Installation> {
  const url = postgres.urlThrough(proxy.address, await postgres.database());
  const pool = new Pool({ connectionString: url, max: 2 });
  pool.on('error', () => undefined);
  const database = { url, pool, close: () => pool.end() };
  open = await openInstallation({ database, sandbox: { seed: SEED, latencyMs } });
  return open;
}

interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly requestBody?: RequestBody }>>>>;
}
interface RequestBody {
  readonly content: Readonly<Record<string, unknown>>;
}

it(
  'every route that needs the database answers 503 with Retry-After while it is stopped, and as ever when it is back',
  async () => {
    const service = await (await installation()).start();
    const { api } = service;
    const { paths } = await api.expect<ApiDocument>(200, 'GET', '/openapi.json');
    const routes = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { requestBody }]) => ({ path, method, requestBody })),
    );
    expect(routes.length).toBeGreaterThan(40);

    await postgres.away(async () => {
      for (const { path, method, requestBody } of routes) {
        const name = `${method} ${path}`;
        const real = path.replace('{system}', SUPERMEMORY).replaceAll(/\{\w+\}/g, NOBODY);
        const [type] = Object.keys(requestBody?.content ?? {});
        const headers = type === undefined ? {} : { 'content-type': type };
        const body = type === undefined ? undefined : '{}';
        const answer = await api.call<Problem>(method.toUpperCase(), real, body, headers);
        const said = [answer.status, answer.headers.get('content-type'), answer.headers.get('retry-after')];
        if (ALIVE[name] !== undefined) expect(answer.status, name).toBe(ALIVE[name]);
        else expect(said, name).toEqual([503, 'application/problem+json', expect.stringMatching(/^\d+$/)]);
      }
    });

    const back = await until('the service to take requests again', async () => {
      const answer = await api.call<{ id: string }>(
        'POST',
        '/v1/erasure-requests',
        { subject: { ref: 'user_42' }, targets: [{ system: SUPERMEMORY, ids: ['m1', 'm2'] }] },
        { 'idempotency-key': 'the same for all tries' },
      );
      return answer.status === 202 ? answer.body : undefined;
    });
    expect(await api.settled(back.id)).toMatchObject({ status: 'completed', counts: { erased: 2 } });
    expect(await service.sql('select id from erasure_request')).toHaveLength(1);
  },
  WITHIN_MS,
);

it(
  'a process that is told to stop while the database is away ends in time, and what it had under way is not lost',
  async () => {
    const where = await installation(600);
    const { ledger } = where.sandbox;
    const first = await startServiceProcess(where, { LEASE_MARGIN_MS: '1500' });
    const ids = ['m1', 'm2', 'absent'];
    const { id } = await first.api.submit({ targets: [{ system: SUPERMEMORY, ids }] });
    await until('a call to be under way', () => (ledger.inFlight('supermemory') > 0 ? true : undefined));
    await postgres.away(async () => {
      const beganMs = performance.now();
      expect(await first.stop()).toBe(0);
      expect(performance.now() - beganMs).toBeLessThan(STOP_WITHIN_MS);
    });

    const second = await where.start();
    expect(await second.api.settled(id)).toMatchObject({ status: 'completed', counts: { erased: 3, total: 3 } });
    // The answer of the first call found no database: the call counts as lost, and is made again.
    const attempts = await second.api.attempts(id);
    expect(attempts.map(({ verdict }) => verdict)).toEqual(['interrupted', 'answered']);
    expect(ledger.calls()).toHaveLength(2);
  },
  WITHIN_MS,
);
