import { afterEach, describe, expect, it } from 'vitest';
import type { SandboxCall } from '../../src/sandbox/ledger.js';
import type { Sandbox } from '../../src/sandbox/sandbox.js';
import { REQUESTS } from '../support/api-client.js';
import { openInstallation, startTestService } from '../support/service.js';
import type { Installation, TestService } from '../support/service.js';
import { until } from '../support/until.js';

const EVERYTHING = {
  existingPrefixes: { 'supermemory.documents': [''], 'velt.documents': [''], 'velt.comments': [''] },
};
const DAY_MS = 24 * 60 * 60 * 1000;

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

function callWith(sandbox: Sandbox, system: SandboxCall['system'], id: string): SandboxCall | undefined {
  return sandbox.ledger.calls().find((call) => call.system === system && call.ids.includes(id));
}
function document(documentId: string, organizationId = 'org1'): object {
  return { system: 'velt.documents', organizationId, documentIds: [documentId] };
}
function comments(documentId: string, more: object = { organizationId: 'org1', annotationIds: ['a1'] }): object {
  return { system: 'velt.comments', documentId, ...more };
}

describe('a document', () => {
  it('waits for comments items that name it, of any request, in its organization or in none', async () => {
    const { api, sandbox } = await started({ sandbox: { seed: EVERYTHING } });
    sandbox.faults.add({ rules: [{ fault: '503', system: 'velt.comments' }] });
    const ids = { annotationIds: ['a1'] };
    const held = await api.submit({
      targets: [
        comments('d1', { organizationId: 'org1', ...ids }),
        comments('d2', ids),
        comments('d3', { organizationId: 'org2', ...ids }),
      ],
    });
    const last = await api.submit({ targets: [document('d1'), document('d2'), document('d3'), document('d4')] });
    await until('the documents that nothing holds to go', async () => {
      return (await api.request(last.id)).counts['erased'] === 2 ? true : undefined;
    });
    expect(await api.outcomes(last.id)).toEqual({
      d1: 'pending',
      d2: 'pending',
      d3: 'erased/provider',
      d4: 'erased/provider',
    });
    sandbox.faults.clear();
    expect((await api.settled(last.id)).warnings).toEqual([]);
    await api.settled(held.id);
    for (const id of ['d1', 'd2']) {
      const answered = sandbox.ledger
        .calls('velt.comments')
        .find((call) => JSON.stringify(call.body).includes(`"${id}"`) && call.status === 200);
      expect(callWith(sandbox, 'velt.documents', id)?.seq, id).toBeGreaterThan(answered?.seq ?? Infinity);
    }
  });

  it('is not held by comments items that failed, are unconfirmed or were cancelled', async () => {
    const installation = await openInstallation({ sandbox: { seed: EVERYTHING }, env: { RETRY_MAX_ATTEMPTS: '1' } });
    open = installation;
    const entrance = await installation.start({ role: 'api' });
    const cancelled = await entrance.api.submit({ targets: [comments('d1')] });
    await entrance.api.expect(200, 'POST', `${REQUESTS}/${cancelled.id}/cancel`);
    const { api } = await installation.start();
    const open1 = await api.erase([comments('d1', { annotationIds: ['a1~fault:denied~', 'a2~fault:internal~'] })]);
    expect(open1.counts).toMatchObject({ failed: 1, unconfirmed: 1 });
    const request = await api.erase([document('d1')]);
    expect(request).toMatchObject({ status: 'completed', counts: { erased: 1 } });
  });

  it('goes all the same, with a warning, when the comments are still blocked 7 days before it is due', async () => {
    const { api, sandbox } = await started({ sandbox: { seed: EVERYTHING } });
    sandbox.faults.add({ rules: [{ fault: '503', system: 'velt.comments' }] });
    const received = (days: number): object => ({ receivedAt: new Date(Date.now() - days * DAY_MS).toISOString() });
    const late = await api.submit({ ...received(26), targets: [comments('d1'), document('d1')] });
    const early = await api.submit({ ...received(0), targets: [comments('d2'), document('d2')] });
    await until('the late document to go', async () => {
      return (await api.request(late.id)).counts['erased'] === 1 ? true : undefined;
    });
    expect((await api.request(late.id)).warnings).toMatchObject([
      { code: 'document_before_comments', system: 'velt.documents' },
    ]);
    expect((await api.request(late.id)).blockedBy).toMatchObject([{ system: 'velt.comments', reason: 'outage' }]);
    expect(callWith(sandbox, 'velt.documents', 'd2')).toBeUndefined();

    sandbox.faults.clear();
    expect((await api.settled(early.id)).warnings).toEqual([]);
    expect((await api.settled(late.id)).status).toBe('completed');
  });
});

describe('within a request', () => {
  it('annotation IDs go before selectors of the same document', async () => {
    const { api, sandbox } = await started({ sandbox: { seed: EVERYTHING } });
    await api.erase([
      comments('d1', { organizationId: 'org1' }),
      comments('d1', { organizationId: 'org1', userIds: ['u1'] }),
      comments('d1', { organizationId: 'org1', annotationIds: ['a1~fault:internal*2~'] }),
    ]);
    const calls = sandbox.ledger.calls('velt.comments');
    expect(calls.map(({ ids }) => ids.length)).toEqual([1, 1, 1, 0, 0]);
  });

  it('Supermemory IDs go before container tags, and other requests wait for neither', async () => {
    const { api, sandbox } = await started({ sandbox: { seed: EVERYTHING }, env: { RETRY_MAX_ATTEMPTS: '1000' } });
    sandbox.faults.forId('m1', 'internal');
    const first = await api.submit({
      targets: [
        { system: 'supermemory.documents', containerTags: ['tag'] },
        { system: 'supermemory.documents', ids: ['m1'] },
      ],
    });
    await until('the ID to be tried', () => (sandbox.ledger.calls().length > 0 ? true : undefined));
    await api.erase([{ system: 'supermemory.documents', containerTags: ['other'] }], { subject: { ref: 'user_43' } });
    expect(callWith(sandbox, 'supermemory.documents', 'tag')).toBeUndefined();
    sandbox.faults.clear();
    await api.settled(first.id);
    const named = sandbox.ledger.calls().map(({ ids }) => ids[0]);
    expect(named.at(-1)).toBe('tag');
    expect(named.at(-2)).toBe('m1');
  });
});
