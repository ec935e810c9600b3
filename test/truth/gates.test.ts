import { afterEach, describe, expect, it } from 'vitest';
import { describeQueues } from '../support/queues.js';
import { openInstallation, startTestService } from '../support/service.js';
import type { Installation, InstallationOptions, TestService } from '../support/service.js';
import { until } from '../support/until.js';
import { closed, COMMENTS, DOCUMENTS, gate, HOUR_MS, look, MEMORIES, passTime, quiet } from './driven-clock.js';

let installation: Installation;
afterEach(async () => installation.close());
async function started(options: InstallationOptions = {}): Promise<TestService> {
  const service = await startTestService(options);
  installation = service.installation;
  return service;
}

describe('refused credentials', () => {
  it.each([
    ['401', '401'],
    ['403', '403'],
    ['400 in words about credentials', 'revoked'],
  ])('(%s) in the middle block both systems of the provider, and nobody fails', async (_title, fault) => {
    const keys = { velt: { apiKey: 'other', authToken: 'other' }, supermemory: { apiKey: 'sm_sandbox_key' } };
    const revoked = fault === 'revoked';
    const service = await started({
      sandbox: {
        seed: { existingPrefixes: { [DOCUMENTS]: ['d'], [COMMENTS]: ['a'] } },
        ...(revoked ? { keys, authWording: 'invalid-argument' as const } : {}),
      },
      env: { RETRY_BASE_MS: '5' },
    });
    const { api, sandbox } = service;
    if (!revoked) sandbox.faults.always(fault, 'velt');
    const targets = [
      { system: DOCUMENTS, organizationId: 'org1', documentIds: ['d1', 'd2'] },
      { system: COMMENTS, documentId: 'd9', annotationIds: ['a1'] },
    ];
    const { id } = await api.submit({ targets });
    await closed(installation, DOCUMENTS, 'credentials');
    await closed(installation, COMMENTS, 'credentials');
    await quiet(installation);
    const request = await api.request(id);
    expect(request.blockedBy.map(({ system, reason }) => [system, reason])).toEqual([
      [COMMENTS, 'credentials'],
      [DOCUMENTS, 'credentials'],
    ]);
    expect(request.counts).toMatchObject({ pending: 3, failed: 0 });
    expect(await installation.sql('select from item where spent > 0')).toEqual([]);

    // A start with the same credentials changes nothing; one with others goes on.
    sandbox.faults.clear();
    const calls = sandbox.ledger.calls().length;
    await service.stop();
    const same = await installation.start();
    expect((await gate(installation, DOCUMENTS)).reason).toBe('credentials');
    expect(sandbox.ledger.calls()).toHaveLength(calls);
    if (revoked) {
      await same.stop();
      const renewed = await installation.start({ env: { VELT_API_KEY: 'other', VELT_AUTH_TOKEN: 'other' } });
      expect((await renewed.api.settled(id)).counts).toMatchObject({ erased: 3 });
    } else {
      await same.api.expect(200, 'POST', `/v1/systems/${COMMENTS}/resume`);
      expect((await same.api.settled(id)).counts).toMatchObject({ erased: 3 });
    }
  });

  it('and a quota that is used up, resume with a start with other credentials', async () => {
    const service = await started({
      sandbox: { seed: { supermemoryDocuments: [{ id: 'm1' }] }, faults: { rules: [{ fault: '402', times: 1 }] } },
    });
    const { id } = await service.api.submit({ targets: [{ system: MEMORIES, ids: ['m1'] }] });
    await closed(installation, MEMORIES, 'quota');
    expect((await service.api.request(id)).blockedBy).toMatchObject([{ system: MEMORIES, reason: 'quota' }]);
    await service.stop();
    await (await installation.start()).stop();
    expect((await gate(installation, MEMORIES)).reason).toBe('quota');
    const other = await installation.start({ env: { SUPERMEMORY_API_KEY: 'sm_other' } });
    await closed(installation, MEMORIES, 'credentials');
    await other.stop();
    const back = await installation.start();
    expect((await back.api.settled(id)).counts).toMatchObject({ erased: 1 });
    expect(await back.api.item(id, 'm1')).toMatchObject({ evidence: 'reconciled' });
  });
});

describe('a 429', () => {
  it.each([
    ['429:3600', HOUR_MS],
    ['429:date:1800', HOUR_MS / 2],
    ['429', 60_000],
    ['429:86400', HOUR_MS],
    ['429:0', 1000],
    ['429:raw:soon', 60_000],
  ])('(%s) pauses the system for as long as it says, across a restart', async (fault, pauseMs) => {
    const service = await started({
      sandbox: { seed: { supermemoryDocuments: [{ id: 'm1' }] }, faults: { rules: [{ fault, times: 1 }] } },
    });
    const { id } = await service.api.submit({ targets: [{ system: MEMORIES, ids: ['m1'] }] });
    const { untilInMs } = await closed(installation, MEMORIES, 'rate');
    expect(untilInMs ?? 0).toBeGreaterThan(pauseMs - 5000);
    expect(untilInMs ?? 0).toBeLessThanOrEqual(pauseMs);
    if (pauseMs > 5000) {
      await service.stop();
      const next = await installation.start();
      expect((await next.api.request(id)).blockedBy).toMatchObject([{ system: MEMORIES, reason: 'rate' }]);
      expect(service.sandbox.ledger.calls()).toHaveLength(1);
      await passTime(installation, pauseMs);
      await look(installation, async () => (await next.api.request(id)).counts['erased'] === 1);
    } else {
      expect((await service.api.settled(id)).counts).toMatchObject({ erased: 1 });
    }
    expect(await installation.sql('select spent, attempts from item')).toEqual([{ spent: 0, attempts: 2 }]);
  });
});

describeQueues('limits across workers', (queue) => {
  it('no more calls at once than the provider takes, with two workers and both systems', async () => {
    installation = await openInstallation({
      queue,
      sandbox: { seed: { existingPrefixes: { [DOCUMENTS]: ['d'], [COMMENTS]: ['a'] } }, latencyMs: 40 },
      env: { VELT_CONCURRENCY: '3', VELT_IDS_PER_CALL: '1' },
    });
    const [{ api }] = await Promise.all([installation.start(), installation.start()]);
    const documents = {
      system: DOCUMENTS,
      organizationId: 'org1',
      documentIds: Array.from({ length: 30 }, (_, no) => `d${no}`),
    };
    const comments = {
      system: COMMENTS,
      documentId: 'x',
      annotationIds: Array.from({ length: 30 }, (_, no) => `a${no}`),
    };
    expect((await api.erase([documents, comments])).counts).toMatchObject({ erased: 60 });
    expect(installation.sandbox.ledger.maxInFlight('velt')).toBe(3);
  });

  it('no more calls than the limit in any sliding minute', async () => {
    const LIMIT = 6;
    installation = await openInstallation({
      queue,
      sandbox: { seed: { existingPrefixes: { [MEMORIES]: ['m'] } } },
      env: { SUPERMEMORY_CALLS_PER_MINUTE: String(LIMIT), SUPERMEMORY_IDS_PER_CALL: '1' },
    });
    const [{ api }] = await Promise.all([installation.start(), installation.start()]);
    const { id } = await api.submit({
      targets: [{ system: MEMORIES, ids: Array.from({ length: 16 }, (_, no) => `m${no}`) }],
    });
    const { ledger } = installation.sandbox;
    for (let minutes = 1; minutes <= 3; minutes += 1) {
      const upTo = Math.min(LIMIT * minutes, 16);
      await until(`${upTo} calls`, () => (ledger.calls().length >= upTo ? true : undefined));
      await look(installation, () => Promise.resolve(true));
      expect(ledger.calls()).toHaveLength(upTo);
      await passTime(installation, 63_000);
      await look(installation, () => Promise.resolve(ledger.calls().length > upTo || upTo === 16));
    }
    expect((await api.settled(id)).counts).toMatchObject({ erased: 16 });
    const worst = await installation.sql<{ most: number }>(
      `select max((select count(*) from attempt b where b.started_at > a.started_at - interval '60 seconds' and b.started_at <= a.started_at))::int as most from attempt a`,
    );
    expect(worst[0]?.most).toBeLessThanOrEqual(LIMIT);
  });
});

it('no more calls than the limit in any sliding window, as the provider sees them, with two workers and both systems', async () => {
  const [LIMIT, WINDOW_MS] = [5, 2000];
  installation = await openInstallation({
    sandbox: { seed: { existingPrefixes: { [DOCUMENTS]: ['d'], [COMMENTS]: ['a'] } }, latencyMs: 30 },
    env: { VELT_CALLS_PER_MINUTE: String(LIMIT), VELT_IDS_PER_CALL: '1' },
    // Two seconds more than what is promised, as over a minute.
    callWindowMs: WINDOW_MS + 2000,
  });
  const [{ api }] = await Promise.all([installation.start(), installation.start()]);
  const seven = (letter: string) => Array.from({ length: 7 }, (_, no) => `${letter}${no}`);
  const request = await api.erase([
    { system: DOCUMENTS, organizationId: 'org1', documentIds: seven('d') },
    { system: COMMENTS, documentId: 'x', annotationIds: seven('a') },
  ]);
  expect(request.counts).toMatchObject({ erased: 14 });
  const { ledger } = installation.sandbox;
  expect(ledger.calls()).toHaveLength(14);
  expect(ledger.maxWithin('velt', WINDOW_MS)).toBeLessThanOrEqual(LIMIT);
  // It is the limit that made them wait, and no more than it must.
  expect(ledger.maxWithin('velt', WINDOW_MS + 2000)).toBeGreaterThanOrEqual(LIMIT);
  const times = ledger.calls().map(({ atMs }) => atMs);
  expect(Math.max(...times) - Math.min(...times)).toBeGreaterThanOrEqual(2 * WINDOW_MS);
});
