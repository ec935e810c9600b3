import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REQUESTS } from '../support/api-client.js';
import type { Problem } from '../support/api-client.js';
import { startTestService } from '../support/service.js';
import type { TestService } from '../support/service.js';

describe('a shredded request', () => {
  const body = {
    subject: { ref: 'user_42' },
    note: 'ticket 8841',
    targets: [
      { system: 'velt.documents', organizationId: 'org1', documentIds: ['d1', 'd2~fault:denied~'] },
      { system: 'velt.comments', documentId: 'd1', userIds: ['u1'] },
      { system: 'supermemory.documents', ids: ['m1', 'm2'] },
    ],
  };
  const key = { 'idempotency-key': 'key-1' };
  let service: TestService;
  let gone: string;
  let kept: string;

  beforeAll(async () => {
    service = await startTestService({
      sandbox: {
        seed: { veltAnnotations: [{ documentId: 'd1', annotations: [{ annotationId: 'a1', userId: 'u1' }] }] },
      },
    });
    const { api } = service;
    gone = (await api.call<{ id: string }>('POST', REQUESTS, body, key)).body.id;
    await api.settled(gone);
    kept = (await api.erase(body.targets, { note: 'stays' })).id;
    const [failed] = await api.items(gone, 'outcome=failed');
    const resolution = { resolution: 'waived', reason: 'gone with the old servers' };
    await api.expect(200, 'POST', `${REQUESTS}/${gone}/items/${failed?.id}/resolve`, resolution);
    await api.expect(200, 'POST', `${REQUESTS}/${gone}/shred`);
  });
  afterAll(async () => service.installation.close());

  it('keeps its outcomes and tells nothing of whom they were about', async () => {
    const request = await service.api.request(gone);
    expect(request).toMatchObject({ subject: null, note: null, counts: { total: 6, failed: 1 }, status: 'completed' });
    const items = await service.api.items(gone);
    expect(items).toHaveLength(6);
    for (const item of items) {
      expect(item).toMatchObject({
        externalId: null,
        scope: null,
        providerId: null,
        providerMessage: null,
        resolutionReason: null,
      });
    }
    expect(items.map(({ outcome }) => outcome).sort()).toEqual([
      'already_absent',
      'already_absent',
      'already_absent',
      'erased',
      'erased',
      'failed',
    ]);
    for (const attempt of await service.api.attempts(gone)) {
      expect(attempt).toMatchObject({ providerStatus: null, providerMessage: null, responseSha256: null });
    }
  });

  it('is not found by its subject any more, and its idempotency key stays taken', async () => {
    const found = await service.api.expect<{ data: { id: string }[] }>(200, 'POST', `${REQUESTS}/search`, {
      subject: { ref: 'user_42' },
    });
    expect(found.data.map(({ id }) => id)).toEqual([kept]);
    const replay = await service.api.call<Problem>('POST', REQUESTS, body, key);
    expect([replay.status, replay.body.type]).toEqual([410, 'urn:expunge:problem:shredded']);
  });

  it('cannot be sent again', async () => {
    const retry = await service.api.call<Problem>('POST', `${REQUESTS}/${gone}/retry`);
    expect([retry.status, retry.body.type]).toEqual([410, 'urn:expunge:problem:shredded']);
  });

  it('takes nothing from the others', async () => {
    const items = await service.api.items(kept);
    expect(items.every(({ scope }) => scope !== null)).toBe(true);
    expect((await service.api.request(kept)).note).toBe('stays');
  });
});
