import { afterEach, describe, expect, it } from 'vitest';
import type { SystemResource } from '../../src/store/read-systems.js';
import { openInstallation, startTestService } from '../support/service.js';
import type { Installation } from '../support/service.js';
import { until } from '../support/until.js';

const SEED = { existingPrefixes: { 'supermemory.documents': ['m'], 'velt.documents': ['d'] } };
const DOCUMENTS = { system: 'velt.documents', organizationId: 'org1', documentIds: ['d1'] };
const COMMENTS = { system: 'velt.comments', documentId: 'x', annotationIds: ['absent'] };

let open: Installation | null = null;
afterEach(async () => {
  await open?.close();
  open = null;
});

describe('a provider that refuses our credentials', () => {
  it('is not called again, for any of its systems, until a person resumes it; the others go on', async () => {
    const { api, sandbox, installation } = await startTestService({ sandbox: { seed: SEED } });
    open = installation;
    sandbox.faults.next(1, '401', 'velt');
    const { id } = await api.submit({ targets: [DOCUMENTS, { system: 'supermemory.documents', ids: ['m1'] }] });
    await until('the block', async () => ((await api.request(id)).blockedBy.length > 0 ? true : undefined));
    const late = await api.submit({ subject: { ref: 'user_43' }, targets: [COMMENTS] });
    await api.erase([{ system: 'supermemory.documents', ids: ['m2'] }]);
    expect((await api.request(id)).blockedBy).toMatchObject([{ system: 'velt.documents', reason: 'credentials' }]);
    expect(late.blockedBy).toMatchObject([{ system: 'velt.comments', reason: 'credentials' }]);
    expect(sandbox.ledger.calls('velt.documents')).toHaveLength(1);
    expect(sandbox.ledger.calls('velt.comments')).toHaveLength(0);
    const systems = await api.expect<{ data?: SystemResource[] } | SystemResource[]>(200, 'GET', '/v1/systems');
    expect(JSON.stringify(systems)).toContain('"reason":"credentials"');

    await api.expect(200, 'POST', '/v1/systems/velt.comments/resume');
    expect((await api.settled(id)).blockedBy).toEqual([]);
    await api.settled(late.id);
    expect(await api.outcomes(id)).toEqual({ d1: 'erased/provider', m1: 'erased/reconciled' });
    expect((await api.item(id, 'd1')).attempts).toBe(2);
    const attempts = (await api.attempts(id)).filter(({ system }) => system === 'velt.documents');
    expect(attempts.map(({ verdict }) => verdict)).toEqual(['blocked', 'answered']);
  });

  it('is called again by a start with other credentials, not by one with the same', async () => {
    const installation = await openInstallation({ sandbox: { seed: SEED } });
    open = installation;
    const wrong = { env: { SUPERMEMORY_API_KEY: 'sm_wrong' } };
    const first = await installation.start(wrong);
    const { id } = await first.api.submit({ targets: [{ system: 'supermemory.documents', ids: ['m1'] }] });
    await until('the block', async () => ((await first.api.request(id)).blockedBy.length > 0 ? true : undefined));
    await first.stop();
    const second = await installation.start(wrong);
    await second.api.erase([DOCUMENTS]);
    expect((await second.api.request(id)).blockedBy).toMatchObject([{ reason: 'credentials' }]);
    await second.stop();
    expect(installation.sandbox.ledger.calls('supermemory.documents')).toHaveLength(1);
    const third = await installation.start();
    expect((await third.api.settled(id)).status).toBe('completed');
  });

  it('stands as not configured while its key is taken away', async () => {
    const installation = await openInstallation({ sandbox: { seed: SEED } });
    open = installation;
    const entrance = await installation.start({ role: 'api' });
    const { id } = await entrance.api.submit({ targets: [{ system: 'supermemory.documents', ids: ['m1'] }] });
    await entrance.stop();
    const without = await installation.start({ env: { SUPERMEMORY_API_KEY: '' } });
    expect((await without.api.request(id)).blockedBy).toMatchObject([
      { system: 'supermemory.documents', reason: 'not_configured' },
    ]);
    const refused = await without.api.call('POST', '/v1/erasure-requests', {
      subject: { ref: 'user_42' },
      targets: [{ system: 'supermemory.documents', ids: ['m1'] }],
    });
    expect(refused.status).toBe(422);
    await without.api.erase([DOCUMENTS]);
    await without.stop();
    expect(installation.sandbox.ledger.calls('supermemory.documents')).toHaveLength(0);
    const again = await installation.start();
    expect((await again.api.settled(id)).status).toBe('completed');
  });
});
