import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startTestService } from '../support/service.js';
import type { Installation, InstallationOptions, TestService } from '../support/service.js';
import { until } from '../support/until.js';
import { closed, COMMENTS, gate, HOUR_MS, look, MEMORIES, passTime, quiet } from './driven-clock.js';

let installation: Installation;
const close = async (): Promise<void> => installation.close();
async function started(options: InstallationOptions = {}): Promise<TestService> {
  const service = await startTestService(options);
  installation = service.installation;
  return service;
}

describe('an outage, whatever it looks like,', () => {
  // One service for all of them: the first answer that ends one leaves its gate as it was before.
  let service: TestService;
  let cases = 0;
  beforeAll(async () => {
    service = await started({
      env: { PROVIDER_TIMEOUT_MS: '250', RETRY_MAX_ATTEMPTS: '3' },
      sandbox: { seed: { existingPrefixes: { [MEMORIES]: ['m'] } } },
    });
  });
  afterEach(() => service.sandbox.faults.clear());
  afterAll(close);

  it.each([
    '503',
    'timeout',
    'reset',
    'reset-before',
    'cut',
    'html',
    'empty',
    'garbage',
    '504-after',
    'error500',
    'slow-body:900',
  ])('is 5 calls in a row that end in %s; the first answer ends it, and nobody has paid for it', async (fault) => {
    const { api, sandbox } = service;
    sandbox.faults.always(fault, 'supermemory');
    const { id } = await api.submit({ targets: [{ system: MEMORIES, ids: [`m${(cases += 1)}`] }] });
    await closed(installation, MEMORIES, 'outage');
    expect(await installation.sql('select from item where spent > 0')).toEqual([]);
    expect((await api.request(id)).blockedBy).toMatchObject([{ system: MEMORIES, reason: 'outage' }]);
    sandbox.faults.clear();
    const request = await api.settled(id);
    expect(request.counts).toMatchObject({ erased: 1 });
    expect(request.blockedBy).toEqual([]);
    expect((await gate(installation, MEMORIES)).reason).toBeNull();
  });
});

describe('an outage', () => {
  afterEach(close);

  it('is probed one call at a time, each wait twice the one before', async () => {
    const { api, sandbox } = await started({
      sandbox: { seed: { existingPrefixes: { [COMMENTS]: ['a'] } } },
    });
    sandbox.faults.always('503', 'velt');
    const targets = Array.from({ length: 12 }, (_, no) => ({
      system: COMMENTS,
      documentId: `d${no}`,
      annotationIds: ['a1'],
    }));
    const { id } = await api.submit({ targets });
    await closed(installation, COMMENTS, 'outage');
    await until('six probes', async () =>
      (await gate(installation, COMMENTS)).delay >= 20 * 2 ** 6 ? true : undefined,
    );
    const probes = await installation.sql<{ startedMs: number; endedMs: number }>(
      `select (extract(epoch from started_at) * 1000)::float8 as "startedMs", (extract(epoch from ended_at) * 1000)::float8 as "endedMs"
        from attempt where probe and ended_at is not null order by started_at`,
    );
    expect(probes.length).toBeGreaterThanOrEqual(4);
    for (const [no, probe] of probes.entries()) {
      const before = probes[no - 1];
      if (!before) continue;
      expect(probe.startedMs).toBeGreaterThan(before.endedMs);
      // From its start: the wait counts from when the gate was judged, and the record of that takes as long as it takes.
      expect(probe.startedMs - before.startedMs).toBeGreaterThanOrEqual(20 * 2 ** no);
    }
    sandbox.faults.clear();
    expect((await api.settled(id)).counts).toMatchObject({ erased: 12 });
  });

  it('of three days leaves a lone ID with all its attempts, and it is erased when its provider is back', async () => {
    const { api, sandbox } = await started({ sandbox: { seed: { supermemoryDocuments: [{ id: 'm1' }] } } });
    await sandbox.down();
    const { id } = await api.submit({ targets: [{ system: MEMORIES, ids: ['m1'] }] });
    await closed(installation, MEMORIES, 'outage');
    for (let hours = 0; hours < 72; hours += 12) {
      await quiet(installation);
      const tried = (await api.attempts(id)).length;
      await passTime(installation, 12 * HOUR_MS);
      await look(installation, async () => (await api.attempts(id)).length > tried);
    }
    const item = await api.item(id, 'm1');
    expect(item).toMatchObject({ outcome: 'pending' });
    expect(await installation.sql('select spent, unknown_effect from item')).toEqual([
      { spent: 0, unknown_effect: false },
    ]);
    await sandbox.up();
    await passTime(installation, HOUR_MS);
    await look(installation, async () => (await api.request(id)).counts['erased'] === 1);
    expect(await api.item(id, 'm1')).toMatchObject({ outcome: 'erased', evidence: 'reconciled' });
  });

  it('leaves an ID that was away when its provider was down already absent: no call of it ever left us', async () => {
    const { api, sandbox } = await started();
    await sandbox.down();
    const { id } = await api.submit({ targets: [{ system: MEMORIES, ids: ['m1'] }] });
    await closed(installation, MEMORIES, 'outage');
    await sandbox.up();
    await api.settled(id);
    expect(await api.item(id, 'm1')).toMatchObject({ outcome: 'already_absent', evidence: 'provider' });
  });
});

describe('one ID that always answers 500', () => {
  afterEach(close);

  it('ends unconfirmed while others pass, after its attempts and no more', async () => {
    const poor = 'm~fault:error500~';
    const { api, sandbox } = await started({
      sandbox: { seed: { existingPrefixes: { [MEMORIES]: ['m'] } } },
      env: { RETRY_MAX_ATTEMPTS: '4', BATCH_LINGER_MS: '0' },
    });
    const { id } = await api.submit({ targets: [{ system: MEMORIES, ids: [poor] }] });
    for (let no = 0; (await api.request(id)).counts['pending'] === 1 && no < 400; no += 1) {
      await api.erase([{ system: MEMORIES, ids: [`m${no}`] }], { subject: { ref: `s${no}` } });
    }
    expect(await api.item(id, poor)).toMatchObject({ outcome: 'unconfirmed', reason: null });
    expect(await installation.sql(`select spent from item where request_id = '${id}'`)).toEqual([{ spent: 4 }]);
    expect((await api.request(id)).status).toBe('attention');
    expect(sandbox.ledger.callsWith(MEMORIES, poor).length).toBeLessThan(30);
  });
});

describe('a call that a day has passed over', () => {
  afterEach(close);

  it('is asked again', async () => {
    // The worker is gone for good between the row and the answer: only its lease says so.
    const service = await started({
      sandbox: { seed: { supermemoryDocuments: [{ id: 'm1~fault:latency:60000*1~' }] } },
      env: { PROVIDER_TIMEOUT_MS: '120000' },
    });
    const { id } = await service.api.submit({ targets: [{ system: MEMORIES, ids: ['m1~fault:latency:60000*1~'] }] });
    await until('the call', () => (service.sandbox.ledger.calls().length === 1 ? true : undefined));
    await installation.sql(`update batch set lease_until = lease_until - interval '1 day'`);
    await installation.start();
    await service.api.settled(id);
    expect(await service.api.item(id, 'm1~fault:latency:60000*1~')).toMatchObject({
      outcome: 'erased',
      evidence: 'repeat',
      attempts: 2,
    });
    expect((await service.api.attempts(id)).map(({ verdict }) => verdict)).toEqual(['interrupted', 'answered']);
    await service.sandbox.down();
  });
});
