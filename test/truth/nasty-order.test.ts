import { afterEach, describe, expect, it } from 'vitest';
import { REQUESTS } from '../support/api-client.js';
import { startTestService } from '../support/service.js';
import type { InstallationOptions, TestService } from '../support/service.js';
import { until } from '../support/until.js';

const COMMENTS = 'velt.comments';
const DOCUMENTS = 'velt.documents';
const MEMORIES = 'supermemory.documents';
const DAY_MS = 24 * 60 * 60 * 1000;
const EVERYTHING = { existingPrefixes: { [COMMENTS]: ['a'], [DOCUMENTS]: ['d'], [MEMORIES]: ['m'] } };

let service: TestService;
afterEach(async () => service.installation.close());
async function started(options: InstallationOptions = {}): Promise<TestService> {
  service = await startTestService({ sandbox: { seed: EVERYTHING }, ...options });
  return service;
}
function ago(days: number): { receivedAt: string } {
  return { receivedAt: new Date(Date.now() - days * DAY_MS).toISOString() };
}
const IN_D1 = { organizationId: 'org1', documentId: 'd1' };
const DOCUMENT = { system: DOCUMENTS, organizationId: 'org1', documentIds: ['d1'] };

async function outage(system: string): Promise<void> {
  await until('the outage', async () => {
    const [gate] = await service.sql<{ reason: string | null }>('select reason from gate where system = $1', [system]);
    return gate?.reason === 'outage' ? true : undefined;
  });
}

describe('close to its deadline', () => {
  it.each([
    [
      COMMENTS,
      [
        { system: COMMENTS, ...IN_D1, annotationIds: ['a1'] },
        { system: COMMENTS, ...IN_D1 },
      ],
    ],
    [
      MEMORIES,
      [
        { system: MEMORIES, ids: ['m1'] },
        { system: MEMORIES, containerTags: ['tag'] },
      ],
    ],
  ])('a selector of %s does not go before the IDs, not even as a probe', async (system, targets) => {
    const { api, sandbox } = await started();
    sandbox.faults.always('503');
    const { id } = await api.submit({ ...ago(28), targets });
    await outage(system);
    const before = sandbox.ledger.calls().length;
    await until('more probes', () => (sandbox.ledger.calls().length >= before + 3 ? true : undefined));
    const body = JSON.stringify(sandbox.ledger.calls().map((call) => call.body));
    expect(body).not.toContain('containerTags');
    expect(sandbox.ledger.calls(COMMENTS).filter(({ ids }) => ids.length === 0)).toEqual([]);
    sandbox.faults.clear();
    await api.settled(id);
  });

  it('a document waits for comments that are only backing off: their system is open', async () => {
    const { api, sandbox, sql } = await started({ env: { RETRY_BASE_MS: '600000' } });
    sandbox.faults.next(1, '404', COMMENTS);
    const { id } = await api.submit({
      ...ago(28),
      targets: [{ system: COMMENTS, ...IN_D1, annotationIds: ['a1'] }, DOCUMENT],
    });
    await until('the first call', async () => ((await api.attempts(id))[0]?.endedAt ? true : undefined));
    await sql("update item set due_at = now() + interval '10 minutes' where system = $1", [COMMENTS]);
    await api.erase([{ system: DOCUMENTS, organizationId: 'org1', documentIds: ['d2'] }], {
      subject: { ref: 'other' },
    });
    expect(sandbox.ledger.callsWith(DOCUMENTS, 'd1')).toEqual([]);
    expect((await api.request(id)).warnings).toEqual([]);
    await api.expect(200, 'POST', `${REQUESTS}/${id}/cancel`);
  });

  it('a document goes with a warning once its comments are blocked and 7 days are left, and never before', async () => {
    const { api, sandbox, sql, installation } = await started();
    sandbox.faults.always('503', COMMENTS);
    const { id } = await api.submit({ targets: [{ system: COMMENTS, ...IN_D1, annotationIds: ['a1'] }, DOCUMENT] });
    await outage(COMMENTS);
    const left = (days: number, minutes: number) =>
      sql(`update item set deadline = now() + interval '${days} days ${minutes} minutes' where request_id = $1`, [id]);
    await left(7, 5);
    const visitor = await installation.start();
    await api.erase([{ system: DOCUMENTS, organizationId: 'org1', documentIds: ['d2'] }], {
      subject: { ref: 'other' },
    });
    expect(sandbox.ledger.callsWith(DOCUMENTS, 'd1')).toEqual([]);
    await left(7, -1);
    await visitor.stop();
    await installation.start();
    await until('the document to go', async () => ((await api.request(id)).counts['erased'] === 1 ? true : undefined));
    expect((await api.request(id)).warnings).toMatchObject([{ code: 'document_before_comments', system: DOCUMENTS }]);
    expect(await api.item(id, 'a1')).toMatchObject({ outcome: 'pending' });
  });
});

describe('a document', () => {
  it('waits for what a selector of its comments revealed and did not delete', async () => {
    const poor = 'a1~fault:internal*3~';
    const { api, sandbox } = await started({
      sandbox: {
        seed: {
          ...EVERYTHING,
          veltAnnotations: [{ ...IN_D1, annotations: [{ annotationId: poor }, { annotationId: 'a2' }] }],
        },
      },
    });
    const request = await api.erase([DOCUMENT, { system: COMMENTS, ...IN_D1 }]);
    expect(request).toMatchObject({ status: 'completed', warnings: [] });
    const [document] = sandbox.ledger.callsWith(DOCUMENTS, 'd1');
    const last = sandbox.ledger.calls(COMMENTS).at(-1);
    expect(document?.seq).toBeGreaterThan(last?.seq ?? Infinity);
    expect(
      sandbox.ledger
        .calls()
        .flatMap(({ deleted }) => deleted)
        .filter(({ cascade }) => cascade),
    ).toEqual([]);
  });

  it('waits again when comments that failed are retried', async () => {
    const { api, sandbox } = await started({ env: { RETRY_MAX_ATTEMPTS: '1' } });
    sandbox.faults.forId('a1', 'denied');
    const comments = await api.erase([{ system: COMMENTS, ...IN_D1, annotationIds: ['a1'] }]);
    sandbox.faults.forId('a1', 'latency:500');
    await api.expect(202, 'POST', `${REQUESTS}/${comments.id}/retry`);
    await until('the retry', () => (sandbox.ledger.inFlight('velt') === 1 ? true : undefined));
    await api.erase([DOCUMENT], { subject: { ref: 'other' } });
    const [document] = sandbox.ledger.callsWith(DOCUMENTS, 'd1');
    expect(document?.atMs).toBeGreaterThanOrEqual(
      sandbox.ledger.callsWith(COMMENTS, 'a1').at(-1)?.endedAtMs ?? Infinity,
    );
  });
});
