/** A database that goes away in the middle: 503 and nothing half-done; and a commit whose answer is lost is no second request. */
import { afterEach, expect, it } from 'vitest';
import type { RequestResource } from '../../src/store/read-requests.js';
import { REQUESTS } from '../support/api-client.js';
import type { ApiAnswer, Problem } from '../support/api-client.js';
import { startPostgresProxy } from '../support/postgres-proxy.js';
import type { PostgresProxy } from '../support/postgres-proxy.js';
import { openInstallation } from '../support/service.js';
import type { Installation, TestService } from '../support/service.js';
import { until } from '../support/until.js';

const SUPERMEMORY = 'supermemory.documents';
const SEED = { existingPrefixes: { [SUPERMEMORY]: ['m'] } };
const BODY = { subject: { ref: 'user_42' }, targets: [{ system: SUPERMEMORY, ids: ['m1', 'm2'] }] };
/** Everything that a verb could leave behind. */
const STATE = `select jsonb_build_object(
  'requests', (select jsonb_agg(to_jsonb(r) order by r.id) from erasure_request r),
  'items', (select jsonb_agg(to_jsonb(i) order by i.id) from item i),
  'keys', (select count(*) from request_key), 'blocks', (select count(*) from sealed_block),
  'idempotency', (select count(*) from idempotency_key), 'warnings', (select count(*) from warning),
  'gates', (select jsonb_agg(to_jsonb(g) order by g.system) from gate g)) as state`;

let open: Installation | null = null;
let proxy: PostgresProxy | null = null;
afterEach(async () => {
  await open?.close();
  await proxy?.close();
  open = null;
  proxy = null;
});

async function proxied(role: 'api' | 'all'): Promise<{ service: TestService; way: PostgresProxy }> {
  open = await openInstallation({ sandbox: { seed: SEED } });
  const way = await startPostgresProxy(open.database);
  proxy = way;
  const service = await open.start({ role, env: { DATABASE_URL: way.url } });
  return { service, way };
}

it('a verb that loses the database at any of its statements answers 503 and is done whole or not at all', async () => {
  const { service, way } = await proxied('api');
  const worker = await service.installation.start();
  const ids = ['m3~fault:denied~', 'm4~fault:denied~', 'm5~fault:denied~'];
  const failed = await worker.api.erase([{ system: SUPERMEMORY, ids }]);
  expect(failed.counts['failed']).toBe(3);
  const [first] = await worker.api.items(failed.id);
  await worker.stop();
  const waiting = await service.api.submit(BODY);

  const verbs: [string, unknown, number, Record<string, string>][] = [
    [REQUESTS, BODY, 202, { 'idempotency-key': 'cut' }],
    [`${REQUESTS}/${failed.id}/items/${first?.id}/resolve`, { resolution: 'waived', reason: 'a hold' }, 200, {}],
    [`${REQUESTS}/${failed.id}/retry`, undefined, 202, {}],
    [`${REQUESTS}/${waiting.id}/cancel`, undefined, 200, {}],
  ];
  for (const [path, body, status, headers] of verbs) {
    const before = JSON.stringify(await service.sql(STATE));
    let done: string | null = null;
    const earlier = way.cut.length;
    for (let number = 1; ; number += 1) {
      way.cutAt(number);
      const answer = await service.api.call<Problem>('POST', path, body, headers);
      const after = JSON.stringify(await service.sql(STATE));
      // Cut between its commit and its answer, it was done whole, and a second time there is nothing left to do.
      if (done !== null) expect(after).toBe(done);
      else if (after !== before) done = after;
      if (answer.status === status || (done !== null && answer.status === 409)) break;
      expect([answer.status, answer.body.type], `${path} cut at ${number}`).toEqual([
        503,
        'urn:expunge:problem:unavailable',
      ]);
      expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
    }
    way.cutAt(Infinity);
    expect(way.cut.slice(earlier), path).toEqual(expect.arrayContaining(['find-api-key', 'commit']));
  }
  expect(await service.sql('select id from erasure_request')).toHaveLength(3);
});

it('a submission whose commit was done and whose answer was lost is found by its key, once', async () => {
  const { service, way } = await proxied('api');
  for (let no = 0; no < 10; no += 1) {
    const call = (): Promise<ApiAnswer<RequestResource>> =>
      service.api.call('POST', REQUESTS, BODY, { 'idempotency-key': `lost-${no}` });
    way.loseCommitAfter('insert-requests');
    const lost = await call();
    expect([lost.status, lost.headers.get('retry-after')]).toEqual([503, expect.stringMatching(/^\d+$/)]);
    expect(way.happened()).toBe(true);
    const [again, oncemore] = [await call(), await call()];
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([202, 'true']);
    expect(oncemore.text).toBe(again.text);
    expect(await service.sql('select id from erasure_request order by id desc limit 1')).toEqual([
      { id: again.body.id },
    ]);
    expect(await service.sql('select id from erasure_request')).toHaveLength(no + 1);
  }
});

it('submissions whose common commit was done and whose answer was lost are stored once, and found by their keys', async () => {
  const { service, way } = await proxied('api');
  const keys = Array.from({ length: 60 }, (_, no) => `company-${no}`);
  const submit = (key: string): Promise<ApiAnswer<RequestResource>> =>
    service.api.call('POST', REQUESTS, BODY, { 'idempotency-key': key });
  way.loseCommitAfter('insert-requests');
  const first = await Promise.all(keys.map(submit));
  expect(way.happened()).toBe(true);
  expect(new Set(first.map(({ status }) => status))).toEqual(new Set([202, 503]));
  const again = await Promise.all(keys.map(submit));
  expect(again.map(({ status, headers }) => [status, headers.get('idempotency-replayed')])).toEqual(
    keys.map(() => [202, 'true']),
  );
  expect(await service.sql('select id from erasure_request')).toHaveLength(keys.length);
});

it('a record whose commit was done and whose answer was lost stands as it was written', async () => {
  const { service, way } = await proxied('all');
  for (const no of [1, 2, 3]) {
    way.loseCommitAfter('hold-batches');
    const request = await service.api.erase([{ system: SUPERMEMORY, ids: [`m${no}`, `absent${no}`] }]);
    expect(request).toMatchObject({ status: 'completed', counts: { erased: 1, already_absent: 1 } });
    expect(way.happened()).toBe(true);
    await until('every batch to be gone', async () =>
      (await service.sql('select id from batch')).length === 0 ? true : undefined,
    );
    const attempts = await service.api.attempts(request.id);
    expect(attempts.map(({ verdict, late }) => [verdict, late])).toEqual([['answered', false]]);
  }
  expect(service.sandbox.ledger.calls()).toHaveLength(3);
});

it('a call whose beginning was committed and whose answer was lost is sent again, never forgotten', async () => {
  const { service, way } = await proxied('all');
  way.loseCommitAfter('take-batches');
  const request = await service.api.erase([{ system: SUPERMEMORY, ids: ['m1', 'absent'] }]);
  expect(way.happened()).toBe(true);
  expect(request).toMatchObject({ status: 'completed', counts: { pending: 0, total: 2 } });
  const attempts = await service.api.attempts(request.id);
  expect(attempts.map(({ verdict }) => verdict)).toEqual(['interrupted', 'answered']);
  expect(service.sandbox.ledger.calls()).toHaveLength(1);
  // The first call never left, but nobody can know that: it counts as of unknown effect.
  expect(await service.api.outcomes(request.id)).toMatchObject({ absent: 'erased/repeat' });
});
