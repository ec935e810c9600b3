import { afterEach, describe, expect, it } from 'vitest';
import { startTestService } from '../support/service.js';
import type { TestService } from '../support/service.js';
import { until } from '../support/until.js';

const SUPERMEMORY = 'supermemory.documents';

describe('the same ID in several requests', () => {
  let service: TestService;
  afterEach(async () => service.installation.close());

  function targets(...ids: string[]): { targets: object[] } {
    return { targets: [{ system: SUPERMEMORY, ids }] };
  }

  it('stands once in a call, and its answer holds for all of them', async () => {
    service = await startTestService({
      sandbox: { seed: { supermemoryDocuments: [{ id: 'm1' }] } },
      env: { BATCH_LINGER_MS: '400' },
    });
    const { api, sandbox } = service;
    const a = await api.submit(targets('m1', 'm2'));
    const b = await api.submit({ subject: { ref: 'user_43' }, ...targets('m2', 'm1', 'm3') });
    await Promise.all([api.settled(a.id), api.settled(b.id)]);
    expect(sandbox.ledger.calls().map(({ ids }) => [...ids].sort())).toEqual([['m1', 'm2', 'm3']]);
    expect(await api.outcomes(a.id)).toEqual({ m1: 'erased/reconciled', m2: 'already_absent/provider' });
    expect(await api.outcomes(b.id)).toEqual({
      m1: 'erased/reconciled',
      m2: 'already_absent/provider',
      m3: 'already_absent/provider',
    });
  });

  it('becomes each by its own history: erased where a call was lost, already absent where none was sent', async () => {
    service = await startTestService({
      sandbox: { seed: { supermemoryDocuments: [{ id: 'm1' }] } },
      env: { BATCH_LINGER_MS: '600', RETRY_BASE_MS: '5', PROVIDER_TIMEOUT_MS: '300' },
    });
    const { api, sandbox } = service;
    sandbox.faults.forId('m1', 'timeout*1');
    const a = await api.submit(targets('m1'));
    await until('the first call to be given up', async () => {
      return (await api.attempts(a.id))[0]?.verdict === 'unclear' ? true : undefined;
    });
    const b = await api.submit({ subject: { ref: 'user_43' }, ...targets('m1') });
    await Promise.all([api.settled(a.id), api.settled(b.id)]);
    expect(sandbox.ledger.calls().map(({ ids }) => ids)).toEqual([['m1'], ['m1']]);
    expect(await api.outcomes(a.id)).toEqual({ m1: 'erased/repeat' });
    expect(await api.outcomes(b.id)).toEqual({ m1: 'already_absent/provider' });
    expect((await api.item(a.id, 'm1')).attempts).toBe(2);
    expect((await api.item(b.id, 'm1')).attempts).toBe(1);
  });

  it('shows as a warning on the later request, at once', async () => {
    service = await startTestService();
    const { api } = service;
    const a = await api.erase(targets('m1', 'm2').targets);
    const b = await api.submit({ subject: { ref: 'user_43' }, ...targets('m3', 'm2') });
    const c = await api.submit({ subject: { ref: 'user_44' }, ...targets('m4') });
    expect(b.warnings.map(({ code, system }) => [code, system])).toEqual([['also_requested', SUPERMEMORY]]);
    expect(c.warnings).toEqual([]);
    expect((await api.request(a.id)).warnings.map(({ code }) => code)).not.toContain('also_requested');
  });

  it('shows on all but one at least of those that were submitted at the same moment', async () => {
    service = await startTestService({ env: { BATCH_LINGER_MS: '0', SUPERMEMORY_IDS_PER_CALL: '1' } });
    const { api, sql } = service;
    // A process stores in two transactions at once.
    const other = await service.installation.start({ role: 'api' });
    const holder = await service.database.pool.connect();
    await holder.query('begin');
    // The last table that a submission writes: all of them look for the others, and only then does the first commit.
    await holder.query('lock table sealed_block in share mode');
    const submitting = [api, api, other.api, other.api].map((at, no) =>
      at.submit({ subject: { ref: `user_${no}` }, ...targets('m1') }),
    );
    await until('all of them to wait', async () =>
      (await sql(`select from pg_locks where not granted and relation = 'sealed_block'::regclass`)).length === 4
        ? true
        : undefined,
    );
    await holder.query('commit');
    holder.release();
    const made = await Promise.all(submitting);
    expect(made.flatMap(({ warnings }) => warnings)).toEqual([]);
    const settled = [];
    for (const { id } of made) settled.push(await api.settled(id));
    const warned = settled.filter(({ warnings }) => warnings.some(({ code }) => code === 'also_requested'));
    expect(warned.length).toBeGreaterThanOrEqual(3);
  });

  it('keeps what a whole call said from requests that were not alone in it', async () => {
    service = await startTestService({ env: { BATCH_LINGER_MS: '400', RETRY_MAX_ATTEMPTS: '1' } });
    const { api, sandbox } = service;
    sandbox.faults.next(1, 'refuse', 'supermemory');
    const a = await api.submit(targets('m1'));
    const b = await api.submit({ subject: { ref: 'user_43' }, ...targets('m2') });
    await Promise.all([api.settled(a.id), api.settled(b.id)]);
    for (const { id } of [a, b]) {
      const [together, alone] = await api.attempts(id);
      expect(together).toMatchObject({ verdict: 'refused', ids: 2, items: 1, providerMessage: null });
      expect(alone).toMatchObject({ verdict: 'answered', ids: 1, items: 1 });
    }
    const alone = await api.erase(targets('m5~fault:refuse~').targets);
    expect(await api.attempts(alone.id)).toMatchObject([
      { verdict: 'refused', httpStatus: 400, ids: 1, providerMessage: expect.stringMatching(/.+/) },
    ]);
    expect(await api.outcomes(alone.id)).toEqual({ 'm5~fault:refuse~': 'failed/rejected' });
  });
});
