import { afterEach, expect, it } from 'vitest';
import { describeQueues } from '../support/queues.js';
import { openInstallation } from '../support/service.js';
import type { Installation } from '../support/service.js';
import { startServiceProcess } from '../support/service-process.js';
import { until } from '../support/until.js';

const ENV = { PROVIDER_TIMEOUT_MS: '1500', LEASE_MARGIN_MS: '300', SUPERMEMORY_IDS_PER_CALL: '5' };
const SEED = {
  existingPrefixes: { 'supermemory.documents': ['m'] },
  supermemoryDocuments: [{ id: 't1', containerTags: ['tag'] }],
  veltDocuments: [{ organizationId: 'org1', documentIds: ['d1'] }],
  veltAnnotations: [{ organizationId: 'org1', documentId: 'd1', annotations: [{ annotationId: 'a1' }] }],
};
/** Some calls are answered at once, some only after the service is gone, and the tag waits for all of them. */
function targets(hangs: string): object[] {
  const quick = ['m0', 'm1', 'm2', 'm3', 'absent-0'];
  const slow = ['m4', 'm5', 'm6', 'm7', `m8${hangs}`, 'm9', 'm10', 'm11', 'absent-1', `absent-2${hangs}`];
  return [
    { system: 'supermemory.documents', ids: [...quick, ...slow] },
    { system: 'supermemory.documents', containerTags: ['tag'] },
    { system: 'velt.comments', organizationId: 'org1', documentId: 'd1', annotationIds: [`a1`, `a2${hangs}`] },
    { system: 'velt.documents', organizationId: 'org1', documentIds: ['d1'] },
  ];
}

let open: Installation | null = null;
afterEach(async () => {
  await open?.close();
  open = null;
});

/** Submits to a service process and waits until some calls are answered and the others under way. */
async function inTheMiddle(installation: Installation, hangs: string) {
  const first = await startServiceProcess(installation, { BATCH_LINGER_MS: '60' });
  const { id } = await first.api.submit({ targets: targets(hangs) });
  await until('some calls to be answered and the three that hang to be under way', async () => {
    const { ledger } = installation.sandbox;
    const hanging = ledger.calls().filter((call) => call.ids.some((external) => external.includes(hangs)));
    if (hanging.length < 3) return undefined;
    return ((await first.api.request(id)).counts['erased'] ?? 0) > 0 ? true : undefined;
  });
  return { first, id };
}

describeQueues('a service that goes down in the middle of a request', (queue) => {
  it('finishes it after a kill -9, loses nothing and says nothing that is not so', async () => {
    open = await openInstallation({ queue, sandbox: { seed: SEED }, env: ENV });
    const { ledger, data } = open.sandbox;
    const { first, id } = await inTheMiddle(open, '~fault:latency:60000*1~');
    await first.kill();
    const early = (await open.sql<{ id: string }>("select id from item where outcome <> 'pending'")).length;
    const before = ledger.calls().length;

    const second = await startServiceProcess(open);
    const request = await second.api.settled(id);
    const items = await second.api.items(id);
    expect(early).toBeGreaterThan(0);
    expect(early).toBeLessThan(items.length);
    expect(ledger.calls().length).toBeGreaterThan(before);
    expect(request).toMatchObject({ status: 'completed', counts: { total: 19, pending: 0 } });

    const interrupted = (await second.api.attempts(id)).filter(({ verdict }) => verdict === 'interrupted');
    expect(interrupted.length).toBeGreaterThanOrEqual(3);
    for (const { system, externalId, outcome, evidence, scope } of items.filter(({ kind }) => kind === 'id')) {
      const at = { organizationId: scope?.['organizationId'], documentId: scope?.['documentId'] } as object;
      const name = system as 'velt.documents' | 'velt.comments' | 'supermemory.documents';
      const deleted = ledger.timesDeleted(name, at, externalId ?? '');
      expect(data.exists(name, at, externalId ?? ''), externalId ?? '').toBe(false);
      // An absent ID in a call of unknown effect: it may have been that call.
      if (outcome === 'erased') expect(deleted === 1 || evidence === 'repeat', externalId ?? '').toBe(true);
      else expect([outcome, deleted], externalId ?? '').toEqual(['already_absent', 0]);
    }
    await second.stop();
  });

  it('ends what it has begun on a SIGTERM, and repeats no call', async () => {
    open = await openInstallation({ queue, sandbox: { seed: SEED }, env: ENV });
    const { ledger } = open.sandbox;
    const { first, id } = await inTheMiddle(open, '~fault:latency:900*1~');
    expect(await first.stop()).toBe(0);
    expect(await open.sql("select id from attempt where verdict is distinct from 'answered'")).toEqual([]);
    expect(await open.sql('select id from batch')).toEqual([]);

    const second = await startServiceProcess(open);
    expect((await second.api.settled(id)).status).toBe('completed');
    const ids = (await second.api.items(id)).filter(({ kind }) => kind === 'id');
    expect(ids).toHaveLength(18);
    for (const { system, externalId } of ids) {
      const name = system as 'velt.documents' | 'velt.comments' | 'supermemory.documents';
      expect(ledger.callsWith(name, externalId ?? ''), externalId ?? '').toHaveLength(1);
    }
    expect(first.log()).toContain('"stopping"');
    await second.stop();
  });
});
