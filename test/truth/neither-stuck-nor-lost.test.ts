import { afterEach, describe, expect, it } from 'vitest';
import { REQUESTS } from '../support/api-client.js';
import { startTestService } from '../support/service.js';
import type { InstallationOptions, TestService } from '../support/service.js';
import { until } from '../support/until.js';

const MEMORIES = 'supermemory.documents';
const COMMENTS = 'velt.comments';
const DAY_MS = 24 * 60 * 60 * 1000;

let service: TestService;
afterEach(async () => service.installation.close());
async function started(options: InstallationOptions): Promise<TestService> {
  service = await startTestService(options);
  return service;
}

async function gateClosed(system: string, reason: string): Promise<void> {
  await until(`the gate of ${system} to close as ${reason}`, async () => {
    const [gate] = await service.sql<{ reason: string | null }>('select reason from gate where system = $1', [system]);
    return gate?.reason === reason ? true : undefined;
  });
}

describe('a closed gate', () => {
  it('gives a lone ID back what the calls that closed it had spent', async () => {
    const { api, sandbox, sql } = await started({});
    sandbox.faults.always('503', 'supermemory');
    const request = await api.submit({ targets: [{ system: MEMORIES, ids: ['m1'] }] });
    await gateClosed(MEMORIES, 'outage');
    const [item] = await sql<{ spent: number }>('select spent from item where request_id = $1', [request.id]);
    expect(item?.spent).toBe(0);
  });

  it('gives it back also what was its last: an item that was tried as often as allowed does not rest on silence', async () => {
    const { api, sandbox, sql } = await started({
      env: { RETRY_MAX_ATTEMPTS: '1' },
      sandbox: { seed: { supermemoryDocuments: [{ id: 'm1' }] } },
    });
    sandbox.faults.always('503', 'supermemory');
    const { id } = await api.submit({ targets: [{ system: MEMORIES, ids: ['m1'] }] });
    await gateClosed(MEMORIES, 'outage');
    expect(await sql('select outcome, spent from item')).toEqual([{ outcome: 'pending', spent: 0 }]);
    expect(await sql('select from attempt where spent')).toHaveLength(1);
    sandbox.faults.clear();
    expect((await api.settled(id)).counts).toMatchObject({ erased: 1 });
  });

  it('is probed with what was tried least recently, so that one silent ID cannot keep it closed', async () => {
    const { api, sandbox, sql, installation } = await started({
      sandbox: { seed: { existingPrefixes: { 'velt.comments': ['a'] } } },
    });
    const target = (documentId: string, id: string) => ({ system: COMMENTS, documentId, annotationIds: [id] });
    const receivedAt = new Date(Date.now() - 5 * DAY_MS).toISOString();
    await api.submit({ receivedAt, targets: [target('d1', 'a1~fault:error500~')] });
    await gateClosed(COMMENTS, 'outage');
    // Under the dispatcher's own lock, and again for as long as a probe under way writes its own time over ours.
    await until('the next probe to be an hour away', async () => {
      await sql(`do $$ begin
        perform pg_advisory_xact_lock(hashtext('expunge dispatch'), hashtext('${COMMENTS}'));
        update gate set until = now() + interval '1 hour' where system = '${COMMENTS}';
      end $$`);
      const away = "select from gate where system = $1 and until > now() + interval '30 minutes'";
      const quiet = (await sql('select from batch')).length === 0 && (await sql(away, [COMMENTS])).length === 1;
      return quiet ? true : undefined;
    });
    await sql("update item set due_at = now() - interval '1 hour'");
    const before = sandbox.ledger.calls().length;
    const later = await api.submit({ targets: [target('d2', 'a2')] });
    await sql('update gate set until = now() where system = $1', [COMMENTS]);
    await installation.start();
    expect((await api.settled(later.id)).counts).toMatchObject({ erased: 1 });
    expect(sandbox.ledger.calls()[before]?.ids).toEqual(['a2']);
  });

  it('is probed when its probe is due, however long the items would have waited', async () => {
    const { api, sandbox, sql, installation } = await started({
      sandbox: { seed: { supermemoryDocuments: [{ id: 'm1' }] } },
      env: { RETRY_BASE_MS: '60000' },
    });
    sandbox.faults.next(1, '503');
    const request = await api.submit({ targets: [{ system: MEMORIES, ids: ['m1'] }] });
    await until('the first call', async () => ((await api.attempts(request.id))[0]?.endedAt ? true : undefined));
    await sql("update item set due_at = now() + interval '15 minutes'");
    await sql("update gate set reason = 'outage', since = now(), until = now() where system = $1", [MEMORIES]);
    await installation.start();
    expect((await api.settled(request.id)).counts).toMatchObject({ erased: 1 });
  });

  it('gives back also what calls had spent that are recorded together with the one that closed it', async () => {
    const { api, sandbox, sql } = await started({ env: { RETRY_BASE_MS: '60000' } });
    sandbox.faults.always('503', 'velt');
    const lonely = (no: number) => ({
      system: COMMENTS,
      documentId: `d${no}`,
      annotationIds: ['a1~fault:latency:300~'],
    });
    const request = await api.submit({ targets: Array.from({ length: 8 }, (_, no) => lonely(no)) });
    await gateClosed(COMMENTS, 'outage');
    await until('all calls', async () =>
      (await api.attempts(request.id)).filter((a) => a.endedAt).length >= 8 ? true : undefined,
    );
    expect(await sql('select spent from item where spent > 0')).toEqual([]);
  });
});

describe('a cancellation', () => {
  it('does not call a selector cancelled of which a pass has deleted something', async () => {
    const { api } = await started({
      env: { RETRY_BASE_MS: '60000' },
      sandbox: {
        seed: {
          veltAnnotations: [
            { documentId: 'd1', annotations: [{ annotationId: 'a1' }, { annotationId: 'a2~fault:internal~' }] },
          ],
        },
      },
    });
    const { id } = await api.submit({ targets: [{ system: 'velt.comments', documentId: 'd1' }] });
    await until('the first pass', async () => ((await api.request(id)).counts['erased'] === 1 ? true : undefined));
    await api.expect(200, 'POST', `${REQUESTS}/${id}/cancel`);
    const items = await api.items(id);
    expect(items.find(({ kind }) => kind === 'selector')).toMatchObject({ outcome: 'unconfirmed' });
  });

  it('that settles a request leaves the warning that nothing was seen to exist', async () => {
    const { api, sandbox } = await started({ env: { RETRY_BASE_MS: '60000' } });
    sandbox.faults.always('503', 'supermemory');
    const { id } = await api.submit({
      targets: [
        { system: 'velt.documents', organizationId: 'org1', documentIds: ['d1'] },
        { system: MEMORIES, ids: ['m1'] },
      ],
    });
    await until('both calls', async () =>
      (await api.attempts(id)).filter((a) => a.endedAt).length === 2 ? true : undefined,
    );
    await api.expect(200, 'POST', `${REQUESTS}/${id}/cancel`);
    expect((await api.request(id)).warnings).toMatchObject([{ code: 'all_absent', system: 'velt.documents' }]);
  });
});

describe('an answer that comes after its call was given up', () => {
  it('takes part in the refusals that accuse the contract, and these go back to pending', async () => {
    const { api, sandbox, sql } = await started({ env: { SUPERMEMORY_IDS_PER_CALL: '1', BATCH_LINGER_MS: '0' } });
    const bad = Array.from({ length: 19 }, (_, no) => `m${no}~fault:refuse~`);
    const first = await api.erase([{ system: MEMORIES, ids: bad }]);
    expect(first.counts).toMatchObject({ failed: 19 });
    const slow = 'm19~fault:refuse~~fault:latency:1500~';
    const last = await api.submit({ targets: [{ system: MEMORIES, ids: [slow] }] });
    await until('the last call', () => (sandbox.ledger.inFlight('supermemory') === 1 ? true : undefined));
    await sql("update batch set lease_until = now() - interval '1 second'");
    await api.submit({ subject: { ref: 'other' }, targets: [{ system: MEMORIES, ids: ['x~fault:latency:9000~'] }] });
    await until('the late answer', async () => ((await api.attempts(last.id)).some((a) => a.late) ? true : undefined));
    await gateClosed(MEMORIES, 'contract');
    expect((await api.items(first.id)).filter(({ outcome }) => outcome === 'failed')).toEqual([]);
  });
});

describe('a service that stops with batches at hand that it has not begun', () => {
  it('frees their items for whoever comes next', async () => {
    const { api, sandbox, sql, stop, installation } = await started({
      env: { SUPERMEMORY_IDS_PER_CALL: '1', SUPERMEMORY_CONCURRENCY: '2' },
      sandbox: { seed: { existingPrefixes: { [MEMORIES]: ['m'] } }, latencyMs: 300 },
    });
    const ids = Array.from({ length: 8 }, (_, no) => `m${no}`);
    const { id } = await api.submit({ targets: [{ system: MEMORIES, ids }] });
    await until('the first calls', () => (sandbox.ledger.inFlight('supermemory') === 2 ? true : undefined));
    await stop();
    expect(await sql('select from claim where batch_id not in (select id from batch)')).toEqual([]);
    const next = await installation.start();
    expect((await next.api.settled(id)).counts).toMatchObject({ erased: 8 });
  });
});
