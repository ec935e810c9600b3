import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { REQUESTS } from '../support/api-client.js';
import { startTestService } from '../support/service.js';
import type { InstallationOptions, TestService } from '../support/service.js';
import { until } from '../support/until.js';

const MEMORIES = 'supermemory.documents';
const DAY_MS = 24 * 60 * 60 * 1000;
const FEW = { PROVIDER_TIMEOUT_MS: '300', RETRY_BASE_MS: '5' };

let service: TestService;
/** One service for a test, closed after it. */
async function started(options: InstallationOptions = {}): Promise<TestService> {
  service = await startTestService({ ...options, env: { ...FEW, ...options.env } });
  return service;
}
const close = async (): Promise<void> => service.installation.close();
function memory(id: string) {
  return { supermemoryDocuments: [{ id }] };
}
async function spent(id: string): Promise<Record<string, number>> {
  const items = await service.api.items(id);
  const rows = await service.sql<{ id: string; spent: number }>('select id, spent from item where request_id = $1', [
    id,
  ]);
  return Object.fromEntries(
    items.map((item) => [item.externalId, rows.find((row) => row.id === item.id)?.spent ?? -1]),
  );
}

describe('what a call may have done, as its answer says it,', () => {
  // One service for all of them: each has IDs of its own, and what it closed is open again when the next one begins.
  beforeAll(async () => void (await started()));
  afterEach(() => service.sandbox.faults.clear());
  afterAll(close);
  let cases = 0;
  const fresh = (): string => `m${(cases += 1)}`;

  it.each([
    'timeout',
    'reset',
    'cut',
    'empty',
    'garbage',
    'truncated-json',
    'not-object',
    'huge',
    'gzip-bomb',
    'slow-body:400',
    '504-after',
    '503-after',
    '500-after',
    '404-after',
    '202',
    '204',
    '400-after:html',
    '401-after:html',
    '429-after:html',
    '402-after',
    '405-after',
    '307-after',
    '431-after:html',
  ])('is not known after %s: what is absent then is erased by repetition', async (fault) => {
    const { api, sandbox } = service;
    const mine = fresh();
    sandbox.data.seed(memory(mine));
    sandbox.faults.forId(mine, `${fault}*1`);
    const { id } = await api.submit({ targets: [{ system: MEMORIES, ids: [mine] }] });
    await until('the first call', async () => ((await api.attempts(id))[0]?.endedAt ? true : undefined));
    expect(sandbox.data.exists(MEMORIES, {}, mine)).toBe(false);
    sandbox.faults.clear();
    await api.expect(200, 'POST', `/v1/systems/${MEMORIES}/resume`);
    await api.settled(id);
    expect(await api.item(id, mine)).toMatchObject({ outcome: 'erased', evidence: 'repeat' });
  });

  it.each(['refuse', '400', '401', '403', '413', '429:1'])(
    'is nothing after %s: what is absent then was absent before',
    async (fault) => {
      const { api, sandbox } = service;
      const [one, other] = [fresh(), fresh()];
      sandbox.faults.next(1, fault);
      const { id } = await api.submit({ targets: [{ system: MEMORIES, ids: [one, other] }] });
      await until('the first call', async () => ((await api.attempts(id))[0]?.endedAt ? true : undefined));
      await api.expect(200, 'POST', `/v1/systems/${MEMORIES}/resume`);
      await api.settled(id);
      expect(await api.outcomes(id)).toEqual({ [one]: 'already_absent/provider', [other]: 'already_absent/provider' });
    },
  );
});

describe('what a call may have done', () => {
  afterEach(close);

  it('is nothing where the ID was named as not deleted, and not known where it was left out', async () => {
    const { api } = await started({
      sandbox: { seed: { existingPrefixes: { 'velt.documents': ['kept'] } } },
    });
    const ids = [
      'gone~fault:internal*1~',
      'gone~fault:omit*1~',
      'kept~fault:omit*1~',
      'kept~fault:omit-kept*1~',
      'kept~fault:internal*1~',
      'kept~fault:wrong-type*1~',
    ];
    const request = await api.erase([{ system: 'velt.documents', organizationId: 'org1', documentIds: ids }]);
    expect(await api.outcomes(request.id)).toEqual({
      'gone~fault:internal*1~': 'already_absent/provider',
      'gone~fault:omit*1~': 'erased/repeat',
      'kept~fault:omit*1~': 'erased/repeat',
      'kept~fault:omit-kept*1~': 'erased/provider',
      'kept~fault:internal*1~': 'erased/provider',
      'kept~fault:wrong-type*1~': 'erased/repeat',
    });
  });

  it('counts for the whole life of an item, a retry by hand included', async () => {
    const { api } = await started({
      env: { RETRY_MAX_ATTEMPTS: '1' },
      sandbox: { seed: memory('m1~fault:404-after*1~') },
    });
    const { id } = await api.erase([{ system: MEMORIES, ids: ['m1~fault:404-after*1~'] }]);
    const item = await api.item(id, 'm1~fault:404-after*1~');
    expect(item).toMatchObject({ outcome: 'unconfirmed', attempts: 1 });
    await api.expect(202, 'POST', `${REQUESTS}/${id}/items/${item.id}/retry`);
    await api.settled(id);
    expect(await api.item(id, 'm1~fault:404-after*1~')).toMatchObject({
      outcome: 'erased',
      evidence: 'repeat',
      attempts: 2,
    });
  });

  it('is not known of an attempt that was begun and never completed; its late answer is kept and changes nothing', async () => {
    const slow = 'm1~fault:latency:3000*1~';
    const { api, sandbox, sql, installation } = await started({
      env: { PROVIDER_TIMEOUT_MS: '8000' },
      sandbox: { seed: memory(slow) },
    });
    const { id } = await api.submit({ targets: [{ system: MEMORIES, ids: [slow, 'm2'] }] });
    await until('the call', () => (sandbox.ledger.calls().length === 1 ? true : undefined));
    await sql("update batch set lease_until = now() - interval '1 second'");
    await installation.start();
    await api.settled(id);
    const before = await api.items(id);
    expect(await api.outcomes(id)).toEqual({ [slow]: 'erased/repeat', m2: 'erased/repeat' });
    await until('the late answer', async () => ((await api.attempts(id)).some(({ late }) => late) ? true : undefined));
    expect(await api.items(id)).toEqual(before);
    expect((await api.attempts(id)).map(({ verdict, late }) => [verdict, late])).toEqual([
      ['interrupted', true],
      ['answered', false],
    ]);
  });
});

describe('an attempt is spent', () => {
  afterEach(close);

  it('by an answer that left the ID unsettled, in company or alone, and by nothing else in company', async () => {
    const { api, sandbox } = await started({
      sandbox: { seed: { existingPrefixes: { 'velt.documents': ['d'] } } },
    });
    sandbox.faults.add({
      rules: [
        { fault: '429:1', times: 1 },
        { fault: 'refuse', times: 1 },
        { fault: '503', times: 1 },
      ],
    });
    const ids = ['d1', 'd2~fault:internal*2~', 'd3', 'd4~fault:omit*1~'];
    const { id } = await api.submit({
      targets: [{ system: 'velt.documents', organizationId: 'org1', documentIds: ids }],
    });
    await api.settled(id);
    expect(await spent(id)).toEqual({ d1: 0, 'd2~fault:internal*2~': 2, d3: 0, 'd4~fault:omit*1~': 1 });
    const attempts = await api.attempts(id);
    for (const item of await api.items(id)) expect(item.attempts).toBeLessThanOrEqual(attempts.length);
    const [d1] = await api.items(id);
    const carried = sandbox.ledger.callsWith('velt.documents', 'd1').length;
    expect(d1?.attempts).toBe(carried);
  });

  it('by a call that carried it alone and got no clear answer', async () => {
    const { api } = await started({ sandbox: { seed: memory('m1~fault:404*3~') } });
    const { id } = await api.erase([{ system: MEMORIES, ids: ['m1~fault:404*3~'] }]);
    expect(await spent(id)).toEqual({ 'm1~fault:404*3~': 3 });
    expect(await api.item(id, 'm1~fault:404*3~')).toMatchObject({ outcome: 'erased', attempts: 4 });
  });

  it('not by calls refused for credentials or quota', async () => {
    const { api, sandbox } = await started({ sandbox: { seed: memory('m1') } });
    for (const fault of ['401', 'quota']) sandbox.faults.next(1, fault);
    const { id } = await api.submit({ targets: [{ system: MEMORIES, ids: ['m1'] }] });
    for (const calls of [1, 2]) {
      await until('a refusal', async () =>
        (await api.attempts(id)).filter((a) => a.endedAt).length === calls ? true : undefined,
      );
      await api.expect(200, 'POST', `/v1/systems/${MEMORIES}/resume`);
    }
    await api.settled(id);
    expect(await spent(id)).toEqual({ m1: 0 });
    expect(await api.item(id, 'm1')).toMatchObject({ outcome: 'erased', evidence: 'reconciled', attempts: 3 });
  });

  it('and given anew by a retry', async () => {
    const poor = 'd1~fault:internal~';
    const { api } = await started({ env: { RETRY_MAX_ATTEMPTS: '3' } });
    const { id } = await api.erase([{ system: 'velt.documents', organizationId: 'org1', documentIds: [poor] }]);
    expect(await api.item(id, poor)).toMatchObject({ outcome: 'unconfirmed', attempts: 3 });
    await api.expect(202, 'POST', `${REQUESTS}/${id}/retry`);
    await api.settled(id);
    expect(await api.item(id, poor)).toMatchObject({ outcome: 'unconfirmed', attempts: 6 });
    expect(await spent(id)).toEqual({ [poor]: 3 });
  });
});

describe('an item whose calls stay unclear', () => {
  afterEach(close);

  it.each([
    [13, 'pending'],
    [14, 'unconfirmed'],
  ])('for %i days is %s, attempts left or not', async (days, outcome) => {
    const { api, sql, sandbox, installation } = await started({ env: { RETRY_BASE_MS: '600000' } });
    sandbox.faults.always('404');
    const { id } = await api.submit({ targets: [{ system: MEMORIES, ids: ['m1'] }] });
    await until('the first call', async () => ((await api.attempts(id))[0]?.endedAt ? true : undefined));
    await sql(
      `update item set due_at = now(), unclear_since = unclear_since - ${days * DAY_MS} * interval '1 millisecond'`,
    );
    await installation.start();
    await until('the second call', async () => ((await api.attempts(id))[1]?.endedAt ? true : undefined));
    expect(await api.item(id, 'm1')).toMatchObject({ outcome, attempts: 2 });
  });
});
