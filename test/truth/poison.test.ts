import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startTestService } from '../support/service.js';
import type { TestService } from '../support/service.js';
import { until } from '../support/until.js';

const MEMORIES = 'supermemory.documents';
const EVERYTHING = { existingPrefixes: { 'supermemory.documents': ['m'], 'velt.documents': ['d'] } };

let service: TestService;
const close = async (): Promise<void> => service.installation.close();

/** At most so many calls find one bad ID among n. */
function callsMax(n: number): number {
  return 2 * Math.ceil(Math.log2(n)) + 1;
}

describe('one bad ID among n in a batch', () => {
  beforeAll(async () => {
    service = await startTestService({ sandbox: { seed: EVERYTHING } });
  });
  afterAll(close);

  it.each([1, 2, 5, 17, 64, 100])('of %i is found in at most 2·⌈log2 n⌉ + 1 calls', async (n) => {
    const { api, sandbox } = service;
    const bad = `m${n}~fault:refuse~`;
    const ids = [bad, ...Array.from({ length: n - 1 }, (_, no) => `m${n}-${no}`)];
    const before = sandbox.ledger.calls().length;
    const request = await api.erase([{ system: MEMORIES, ids }]);
    expect(request.counts).toMatchObject({ erased: n - 1, failed: 1 });
    expect(await api.item(request.id, bad)).toMatchObject({ outcome: 'failed', reason: 'rejected' });
    expect(sandbox.ledger.calls().length - before).toBeLessThanOrEqual(callsMax(n));
  });
});

describe('one bad ID in a batch', () => {
  afterEach(close);

  it('is found as well where a call is taken apart only for its size', async () => {
    service = await startTestService({
      sandbox: { seed: EVERYTHING, faults: { rules: [{ fault: '413:3' }] } },
    });
    const ids = Array.from({ length: 30 }, (_, no) => `d${no}`);
    const request = await service.api.erase([{ system: 'velt.documents', organizationId: 'org1', documentIds: ids }]);
    expect(request.counts).toMatchObject({ erased: 30 });
  });

  it('that is unclear instead of refused is found too, in company twice and then in halves', async () => {
    service = await startTestService({
      sandbox: { seed: EVERYTHING },
      env: { RETRY_MAX_ATTEMPTS: '3', RETRY_BASE_MS: '1' },
    });
    const bad = 'm~fault:404~';
    const ids = [bad, ...Array.from({ length: 15 }, (_, no) => `m${no}`)];
    const request = await service.api.erase([{ system: MEMORIES, ids }]);
    expect(request.counts).toMatchObject({ erased: 15, unconfirmed: 1 });
    expect(
      service.sandbox.ledger
        .calls()
        .map((call) => call.ids.length)
        .slice(0, 3),
    ).toEqual([16, 16, 8]);
    expect(service.sandbox.ledger.callsWith(MEMORIES, bad).filter(({ ids: sent }) => sent.length === 1)).toHaveLength(
      3,
    );
  });
});

describe('bad IDs among 100 of 40 requests', () => {
  afterEach(close);

  it.each([1, 3, 10])('%i of them: their neighbours are erased, they are refused', async (bad) => {
    // All of them are in before a worker comes: so the first call is full, however slow the machine is.
    service = await startTestService({ role: 'api', sandbox: { seed: EVERYTHING } });
    const { api, sandbox } = service;
    const ids = Array.from({ length: 100 }, (_, no) => (no % (100 / bad) < 1 ? `m${no}~fault:refuse~` : `m${no}`));
    const requests = await Promise.all(
      Array.from({ length: 40 }, (_, no) => {
        const own = ids.filter((_id, index) => index % 40 === no);
        return api.submit({ subject: { ref: `s${no}` }, targets: [{ system: MEMORIES, ids: own }] });
      }),
    );
    await service.installation.start({ role: 'worker' });
    const settled = [];
    for (const { id } of requests) settled.push(await api.settled(id));
    const failed = settled.reduce((sum, { counts }) => sum + (counts['failed'] ?? 0), 0);
    const erased = settled.reduce((sum, { counts }) => sum + (counts['erased'] ?? 0), 0);
    expect({ failed, erased }).toEqual({
      failed: ids.filter((id) => id.includes('refuse')).length,
      erased: 100 - failed,
    });
    const calls = sandbox.ledger.calls();
    process.stdout.write(
      `${bad} bad among 100 of 40 requests: ${calls.length} calls, the first of ${calls[0]?.ids.length}\n`,
    );
    expect(calls[0]?.ids.length).toBe(100);
    expect(calls.length).toBeLessThanOrEqual(bad * callsMax(100));
  });
});

describe('20 IDs alone refused in a row with none accepted', () => {
  afterEach(close);

  it('close the gate as contract and go back to pending, and go through when it is resumed', async () => {
    service = await startTestService({ sandbox: { seed: EVERYTHING } });
    const { api, sandbox, sql } = service;
    sandbox.faults.always('refuse', 'supermemory');
    const ids = Array.from({ length: 24 }, (_, no) => `m${no}`);
    const { id } = await api.submit({ targets: [{ system: MEMORIES, ids }] });
    await until('the gate to close', async () => {
      const [blocked] = (await api.request(id)).blockedBy;
      return blocked?.system === MEMORIES && blocked.reason === 'contract' ? true : undefined;
    });
    await until('calls under way to end', async () =>
      (await sql('select from batch')).length === 0 ? true : undefined,
    );
    const items = await api.items(id);
    expect(items.filter(({ outcome }) => outcome === 'failed')).toEqual([]);
    expect((await api.request(id)).status).toBe('running');

    // A probe that is refused proves nothing: the gate stays, and nobody fails.
    const before = sandbox.ledger.calls().length;
    await until('more probes', () => (sandbox.ledger.calls().length > before + 2 ? true : undefined));
    expect((await api.items(id)).filter(({ outcome }) => outcome === 'failed')).toEqual([]);

    sandbox.faults.clear();
    await api.expect(200, 'POST', `/v1/systems/${MEMORIES}/resume`);
    expect((await api.settled(id)).counts).toMatchObject({ erased: 24, failed: 0 });
  });

  it('do not, when one in between was accepted', async () => {
    service = await startTestService({
      sandbox: { seed: EVERYTHING },
      env: { SUPERMEMORY_IDS_PER_CALL: '1', SUPERMEMORY_CONCURRENCY: '1' },
    });
    const { api } = service;
    const refused = (from: number) => Array.from({ length: 19 }, (_, no) => `m${from + no}~fault:refuse~`);
    const first = await api.erase([{ system: MEMORIES, ids: refused(0) }]);
    await api.erase([{ system: MEMORIES, ids: ['m-good'] }], { subject: { ref: 'other' } });
    const second = await api.erase([{ system: MEMORIES, ids: refused(50) }], { subject: { ref: 'third' } });
    expect([first.counts['failed'], second.counts['failed']]).toEqual([19, 19]);
    expect((await service.api.request(first.id)).counts).toMatchObject({ failed: 19 });
  });
});
