import { afterEach, describe, expect, it } from 'vitest';
import { openInstallation, startTestService } from '../support/service.js';
import type { Installation, InstallationOptions, TestService } from '../support/service.js';
import { describeQueues } from '../support/queues.js';
import { until } from '../support/until.js';

const MEMORIES = 'supermemory.documents';
const COMMENTS = 'velt.comments';
const DOCUMENTS = 'velt.documents';
const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;

let installation: Installation;
afterEach(async () => installation.close());
async function started(options: InstallationOptions = {}): Promise<TestService> {
  const service = await startTestService(options);
  installation = service.installation;
  return service;
}

interface GateRow {
  readonly reason: string | null;
  readonly untilInMs: number | null;
  readonly delay: number;
}
async function gate(system: string): Promise<GateRow> {
  const [row] = await installation.sql<GateRow>(
    `select reason, (extract(epoch from until - now()) * 1000)::float8 as "untilInMs", probe_delay_ms as delay
      from gate where system = $1`,
    [system],
  );
  if (!row) throw new Error(`${system} has no gate`);
  return row;
}
function closed(system: string, reason: string): Promise<GateRow> {
  return until(`the gate of ${system} to close as ${reason}`, async () => {
    const row = await gate(system);
    return row.reason === reason ? row : undefined;
  });
}
function quiet(): Promise<boolean> {
  return until('calls under way to end', async () =>
    (await installation.sql('select from batch')).length === 0 ? true : undefined,
  );
}
/** Everything that has a time moves into the past: so much time passes. */
async function passTime(ms: number): Promise<void> {
  const past = `- ${ms} * interval '1 millisecond'`;
  await installation.sql(`update gate set since = since ${past}, until = until ${past}`);
  await installation.sql(`update item set due_at = due_at ${past}, unclear_since = unclear_since ${past},
    last_attempt_at = last_attempt_at ${past}, deadline = deadline ${past} where outcome = 'pending'`);
  await installation.sql(`update attempt set started_at = started_at ${past}`);
}
/** A second worker that comes, looks at once, and goes: what is due is handed out without waiting for a tick. */
async function look(seen: () => Promise<boolean>): Promise<void> {
  const visitor = await installation.start();
  await until('what is due to be sent', async () => ((await seen()) ? true : undefined));
  await visitor.stop();
}

describe('an outage', () => {
  it.each(['503', 'timeout', 'reset', 'reset-before', 'cut', 'html', 'empty', 'garbage', '504-after', 'error500', 'slow-body:900'])(
    'is 5 calls in a row that end in %s; the first answer ends it, and nobody has paid for it',
    async (fault) => {
      const { api, sandbox } = await started({
        env: { PROVIDER_TIMEOUT_MS: '250', RETRY_MAX_ATTEMPTS: '3' },
        sandbox: { seed: { supermemoryDocuments: [{ id: 'm1' }] } },
      });
      sandbox.faults.always(fault, 'supermemory');
      const { id } = await api.submit({ targets: [{ system: MEMORIES, ids: ['m1'] }] });
      await closed(MEMORIES, 'outage');
      expect(await installation.sql('select from item where spent > 0')).toEqual([]);
      expect((await api.request(id)).blockedBy).toMatchObject([{ system: MEMORIES, reason: 'outage' }]);
      sandbox.faults.clear();
      const request = await api.settled(id);
      expect(request.counts).toMatchObject({ erased: 1 });
      expect(request.blockedBy).toEqual([]);
      expect((await gate(MEMORIES)).reason).toBeNull();
    },
  );

  it('is probed one call at a time, each wait twice the one before', async () => {
    const { api, sandbox } = await started({
      sandbox: { seed: { existingPrefixes: { [COMMENTS]: ['a'] } } },
    });
    sandbox.faults.always('503', 'velt');
    const targets = Array.from({ length: 12 }, (_, no) => ({ system: COMMENTS, documentId: `d${no}`, annotationIds: ['a1'] }));
    const { id } = await api.submit({ targets });
    await closed(COMMENTS, 'outage');
    await until('six probes', async () => ((await gate(COMMENTS)).delay >= 20 * 2 ** 6 ? true : undefined));
    const probes = await installation.sql<{ startedMs: number; endedMs: number }>(
      `select (extract(epoch from started_at) * 1000)::float8 as "startedMs", (extract(epoch from ended_at) * 1000)::float8 as "endedMs"
        from attempt where probe and ended_at is not null order by started_at`,
    );
    expect(probes.length).toBeGreaterThanOrEqual(4);
    for (const [no, probe] of probes.entries()) {
      const before = probes[no - 1];
      if (before) expect(probe.startedMs - before.endedMs).toBeGreaterThanOrEqual(20 * 2 ** no - 10);
    }
    sandbox.faults.clear();
    expect((await api.settled(id)).counts).toMatchObject({ erased: 12 });
  });

  it('of three days leaves a lone ID with all its attempts, and it is erased when its provider is back', async () => {
    const { api, sandbox } = await started({ sandbox: { seed: { supermemoryDocuments: [{ id: 'm1' }] } } });
    await sandbox.down();
    const { id } = await api.submit({ targets: [{ system: MEMORIES, ids: ['m1'] }] });
    await closed(MEMORIES, 'outage');
    for (let hours = 0; hours < 72; hours += 12) {
      await quiet();
      const tried = (await api.attempts(id)).length;
      await passTime(12 * HOUR_MS);
      await look(async () => (await api.attempts(id)).length > tried);
    }
    const item = await api.item(id, 'm1');
    expect(item).toMatchObject({ outcome: 'pending' });
    expect(await installation.sql('select spent, unknown_effect from item')).toEqual([{ spent: 0, unknown_effect: false }]);
    await sandbox.up();
    await passTime(HOUR_MS);
    await look(async () => (await api.request(id)).counts['erased'] === 1);
    expect(await api.item(id, 'm1')).toMatchObject({ outcome: 'erased', evidence: 'reconciled' });
  });

  it('leaves an ID that was away when its provider was down already absent: no call of it ever left us', async () => {
    const { api, sandbox } = await started();
    await sandbox.down();
    const { id } = await api.submit({ targets: [{ system: MEMORIES, ids: ['m1'] }] });
    await closed(MEMORIES, 'outage');
    await sandbox.up();
    await api.settled(id);
    expect(await api.item(id, 'm1')).toMatchObject({ outcome: 'already_absent', evidence: 'provider' });
  });
});

describe('one ID that always answers 500', () => {
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
    await closed(DOCUMENTS, 'credentials');
    await closed(COMMENTS, 'credentials');
    await quiet();
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
    expect((await gate(DOCUMENTS)).reason).toBe('credentials');
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
    const service = await started({ sandbox: { seed: { supermemoryDocuments: [{ id: 'm1' }] }, faults: { rules: [{ fault: '402', times: 1 }] } } });
    const { id } = await service.api.submit({ targets: [{ system: MEMORIES, ids: ['m1'] }] });
    await closed(MEMORIES, 'quota');
    expect((await service.api.request(id)).blockedBy).toMatchObject([{ system: MEMORIES, reason: 'quota' }]);
    await service.stop();
    await (await installation.start()).stop();
    expect((await gate(MEMORIES)).reason).toBe('quota');
    const other = await installation.start({ env: { SUPERMEMORY_API_KEY: 'sm_other' } });
    await closed(MEMORIES, 'credentials');
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
    const service = await started({ sandbox: { seed: { supermemoryDocuments: [{ id: 'm1' }] }, faults: { rules: [{ fault, times: 1 }] } } });
    const { id } = await service.api.submit({ targets: [{ system: MEMORIES, ids: ['m1'] }] });
    const { untilInMs } = await closed(MEMORIES, 'rate');
    expect(untilInMs ?? 0).toBeGreaterThan(pauseMs - 5000);
    expect(untilInMs ?? 0).toBeLessThanOrEqual(pauseMs);
    if (pauseMs > 5000) {
      await service.stop();
      const next = await installation.start();
      expect((await next.api.request(id)).blockedBy).toMatchObject([{ system: MEMORIES, reason: 'rate' }]);
      expect(service.sandbox.ledger.calls()).toHaveLength(1);
      await passTime(pauseMs);
      await look(async () => (await next.api.request(id)).counts['erased'] === 1);
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
    const documents = { system: DOCUMENTS, organizationId: 'org1', documentIds: Array.from({ length: 30 }, (_, no) => `d${no}`) };
    const comments = { system: COMMENTS, documentId: 'x', annotationIds: Array.from({ length: 30 }, (_, no) => `a${no}`) };
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
    const { id } = await api.submit({ targets: [{ system: MEMORIES, ids: Array.from({ length: 16 }, (_, no) => `m${no}`) }] });
    const { ledger } = installation.sandbox;
    for (let minutes = 1; minutes <= 3; minutes += 1) {
      const upTo = Math.min(LIMIT * minutes, 16);
      await until(`${upTo} calls`, () => (ledger.calls().length >= upTo ? true : undefined));
      await look(() => Promise.resolve(true));
      expect(ledger.calls()).toHaveLength(upTo);
      await passTime(63_000);
      await look(() => Promise.resolve(ledger.calls().length > upTo || upTo === 16));
    }
    expect((await api.settled(id)).counts).toMatchObject({ erased: 16 });
    const worst = await installation.sql<{ most: number }>(
      `select max((select count(*) from attempt b where b.started_at > a.started_at - interval '60 seconds' and b.started_at <= a.started_at))::int as most from attempt a`,
    );
    expect(worst[0]?.most).toBeLessThanOrEqual(LIMIT);
  });
});

it('a call that a day has passed over is asked again', async () => {
  // The worker is gone for good between the row and the answer: only its lease says so.
  const service = await started({ sandbox: { seed: { supermemoryDocuments: [{ id: 'm1~fault:latency:60000*1~' }] } }, env: { PROVIDER_TIMEOUT_MS: '120000' } });
  const { id } = await service.api.submit({ targets: [{ system: MEMORIES, ids: ['m1~fault:latency:60000*1~'] }] });
  await until('the call', () => (service.sandbox.ledger.calls().length === 1 ? true : undefined));
  await installation.sql(`update batch set lease_until = lease_until - ${DAY_MS} * interval '1 millisecond'`);
  await installation.start();
  await service.api.settled(id);
  expect(await service.api.item(id, 'm1~fault:latency:60000*1~')).toMatchObject({ outcome: 'erased', evidence: 'repeat', attempts: 2 });
  expect((await service.api.attempts(id)).map(({ verdict }) => verdict)).toEqual(['interrupted', 'answered']);
  await service.sandbox.down();
});
