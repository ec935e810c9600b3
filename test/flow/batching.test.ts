import { afterEach, describe, expect, it } from 'vitest';
import type { SandboxCall } from '../../src/sandbox/ledger.js';
import { describeQueues } from '../support/queues.js';
import { openInstallation, startTestService } from '../support/service.js';
import type { Installation, TestService } from '../support/service.js';

const SEED = { existingPrefixes: { 'supermemory.documents': ['m'], 'velt.documents': ['d'], 'velt.comments': ['a'] } };

function ids(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}

/** How many IDs each call named, the fullest first. */
function sizes(calls: readonly SandboxCall[]): number[] {
  return calls.map((call) => call.ids.length).sort((a, b) => b - a);
}

function expectEachOnce(calls: readonly SandboxCall[]): void {
  for (const call of calls) expect(new Set(call.ids).size).toBe(call.ids.length);
}

let open: Installation | null = null;
async function started(options: Parameters<typeof startTestService>[0]): Promise<TestService> {
  const service = await startTestService(options);
  open = service.installation;
  return service;
}
afterEach(async () => {
  await open?.close();
  open = null;
});

describeQueues('batching', (queue) => {
  it('serves 100 requests of one ID each, submitted together, with at most 15 calls', async () => {
    const { api, sandbox } = await started({ queue, sandbox: { seed: SEED }, env: { BATCH_LINGER_MS: '200' } });
    const submitted = await Promise.all(
      ids('m', 100).map((id) =>
        api.submit({ subject: { ref: id }, targets: [{ system: 'supermemory.documents', ids: [id] }] }),
      ),
    );
    for (const { id } of submitted) expect((await api.settled(id)).status).toBe('completed');
    const calls = sandbox.ledger.calls();
    expect(calls.length).toBeLessThanOrEqual(15);
    expect(calls.flatMap((call) => call.ids).sort()).toEqual(ids('m', 100).sort());
  });

  it('names at most 30 IDs in a call to Velt and 100 in one to Supermemory, and fills its calls', async () => {
    const { api, sandbox } = await started({ queue, sandbox: { seed: SEED } });
    await api.erase([
      { system: 'velt.documents', organizationId: 'org1', documentIds: ids('d', 100) },
      { system: 'velt.comments', organizationId: 'org1', documentId: 'x', annotationIds: ids('a', 61) },
      { system: 'supermemory.documents', ids: ids('m', 250) },
    ]);
    expect(sizes(sandbox.ledger.calls('velt.documents'))).toEqual([30, 30, 30, 10]);
    expect(sizes(sandbox.ledger.calls('velt.comments'))).toEqual([30, 30, 1]);
    expect(sizes(sandbox.ledger.calls('supermemory.documents'))).toEqual([100, 100, 50]);
  });

  it('keeps lower limits that are configured', async () => {
    const env = { VELT_IDS_PER_CALL: '7', SUPERMEMORY_IDS_PER_CALL: '11' };
    const { api, sandbox } = await started({ queue, sandbox: { seed: SEED }, env });
    await api.erase([
      { system: 'velt.documents', organizationId: 'org1', documentIds: ids('d', 15) },
      { system: 'supermemory.documents', ids: ids('m', 34) },
    ]);
    expect(sizes(sandbox.ledger.calls('velt.documents'))).toEqual([7, 7, 1]);
    expect(sizes(sandbox.ledger.calls('supermemory.documents'))).toEqual([11, 11, 11, 1]);
  });

  it('names an ID that several requests ask for once in a call, and counts it once', async () => {
    const installation = await openInstallation({ queue, sandbox: { seed: SEED } });
    open = installation;
    const entrance = await installation.start({ role: 'api' });
    const wanted = ids('m', 100);
    const requests = await Promise.all(
      ['ann', 'ben', 'cay'].map((ref) =>
        entrance.api.submit({ subject: { ref }, targets: [{ system: 'supermemory.documents', ids: wanted }] }),
      ),
    );
    const { api, sandbox } = await installation.start();
    for (const { id } of requests) expect((await api.settled(id)).counts).toMatchObject({ total: 100, erased: 100 });
    expect(sizes(sandbox.ledger.calls())).toEqual([100]);
    expectEachOnce(sandbox.ledger.calls());
    const [attempt] = await api.attempts(requests[0]?.id ?? '');
    expect(attempt).toMatchObject({ ids: 100, items: 100 });
  });

  it('keeps the concurrency of a provider over all of its systems and all workers together', async () => {
    const env = {
      VELT_CONCURRENCY: '3',
      SUPERMEMORY_CONCURRENCY: '2',
      VELT_IDS_PER_CALL: '2',
      SUPERMEMORY_IDS_PER_CALL: '2',
    };
    const { api, sandbox, installation } = await started({ queue, sandbox: { seed: SEED, latencyMs: 40 }, env });
    await installation.start({ role: 'worker' });
    await installation.start({ role: 'worker' });
    const request = await api.erase([
      { system: 'velt.documents', organizationId: 'org1', documentIds: ids('d', 20) },
      { system: 'velt.comments', organizationId: 'org1', documentId: 'x', annotationIds: ids('a', 20) },
      { system: 'supermemory.documents', ids: ids('m', 30) },
    ]);
    expect(request.counts['erased']).toBe(70);
    expect(sandbox.ledger.maxInFlight('velt')).toBeLessThanOrEqual(3);
    expect(sandbox.ledger.maxInFlight('supermemory')).toBeLessThanOrEqual(2);
    for (const id of ids('m', 30)) expect(sandbox.ledger.callsWith('supermemory.documents', id)).toHaveLength(1);
  });
});

describe('a batch', () => {
  it('never mixes organizations, documents or filters', async () => {
    const { api, sandbox } = await started({ sandbox: { seed: SEED } });
    const comments = { system: 'velt.comments', documentId: 'x' };
    await api.erase([
      { system: 'velt.documents', organizationId: 'org1', documentIds: ['d1'] },
      { system: 'velt.documents', organizationId: 'org2', documentIds: ['d1'] },
      { ...comments, annotationIds: ['a1'] },
      { ...comments, organizationId: 'org1', annotationIds: ['a2'] },
      { ...comments, locationIds: ['l2', 'l1'], annotationIds: ['a3'] },
      { ...comments, locationIds: ['l1', 'l2'], annotationIds: ['a4'] },
    ]);
    const bodies = sandbox.ledger.calls('velt.comments').map((call) => (call.body as { data: object }).data);
    expect(bodies).toHaveLength(3);
    expect(bodies).toContainEqual({ documentId: 'x', annotationIds: ['a1'] });
    expect(bodies).toContainEqual({ organizationId: 'org1', documentId: 'x', annotationIds: ['a2'] });
    expect(bodies).toContainEqual({ documentId: 'x', locationIds: ['l1', 'l2'], annotationIds: ['a3', 'a4'] });
    expect(sandbox.ledger.calls('velt.documents')).toHaveLength(2);
  });
});
