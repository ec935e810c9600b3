import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ItemResource } from '../../src/store/read-items.js';
import { REQUESTS } from '../support/api-client.js';
import type { Problem } from '../support/api-client.js';
import { startTestService } from '../support/service.js';
import type { TestService } from '../support/service.js';

const SUPERMEMORY = 'supermemory.documents';

describe('what is left open', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService({
      env: { RETRY_MAX_ATTEMPTS: '2' },
      sandbox: { seed: { existingPrefixes: { [SUPERMEMORY]: ['m'] } } },
    });
  });
  afterAll(async () => service.installation.close());

  function post<Body>(status: number, path: string, body?: unknown): Promise<Body> {
    return service.api.expect(status, 'POST', `${REQUESTS}/${path}`, body);
  }

  it('is sent again by a retry, with a new budget, and only that', async () => {
    const { api, sandbox } = service;
    const [refused, later] = ['m1~fault:denied*1~', 'm2~fault:internal*2~'];
    const { id, status } = await api.erase([{ system: SUPERMEMORY, ids: [refused, later, 'm3', 'absent'] }]);
    expect(status).toBe('attention');
    expect(await api.outcomes(id)).toMatchObject({ [refused]: 'failed/denied', [later]: 'unconfirmed' });
    expect((await api.item(id, later)).attempts).toBe(2);
    const before = sandbox.ledger.calls().length;
    const accepted = await post<{ status: string; settledAt: null }>(202, `${id}/retry`);
    expect(accepted).toMatchObject({ status: 'running', settledAt: null, counts: { pending: 2, failed: 0 } });
    const request = await api.settled(id);
    expect(request).toMatchObject({ status: 'completed', counts: { erased: 3, already_absent: 1 } });
    const sent = sandbox.ledger.calls().slice(before);
    expect(new Set(sent.flatMap(({ ids }) => ids))).toEqual(new Set([refused, later]));
    expect((await api.item(id, later)).attempts).toBe(3);
    const again = await api.call<Problem>('POST', `${REQUESTS}/${id}/retry`);
    expect(again.status).toBe(409);
  });

  it('can be sent again one item at a time', async () => {
    const { api } = service;
    const [a, b] = ['m4~fault:denied*1~', 'm5~fault:denied*1~'];
    const { id } = await api.erase([{ system: SUPERMEMORY, ids: [a, b] }]);
    const item = await api.item(id, a);
    await post(202, `${id}/items/${item.id}/retry`);
    await api.settled(id);
    expect(await api.outcomes(id)).toEqual({ [a]: 'erased/reconciled', [b]: 'failed/denied' });
    const settled = await api.call<Problem>('POST', `${REQUESTS}/${id}/items/${item.id}/retry`);
    expect(settled.status).toBe(409);
  });

  it('remembers through a retry that a call may have deleted it', async () => {
    const { api } = service;
    const lost = 'm6~fault:omit*1~~fault:omit-kept*1~';
    const { id } = await api.erase([{ system: SUPERMEMORY, ids: [lost] }]);
    expect(await api.outcomes(id)).toEqual({ [lost]: 'unconfirmed' });
    await post(202, `${id}/retry`);
    await api.settled(id);
    expect(await api.outcomes(id)).toEqual({ [lost]: 'erased/repeat' });
  });

  it('is closed by a person, whose word stands beside the outcome', async () => {
    const { api } = service;
    const [a, b] = ['m7~fault:denied~', 'm8~fault:internal~'];
    const { id } = await api.erase([{ system: SUPERMEMORY, ids: [a, b, 'm9'] }]);
    const [first, second] = [await api.item(id, a), await api.item(id, b)];
    const path = (item: ItemResource): string => `${id}/items/${item.id}/resolve`;
    const resolved = await post<ItemResource>(200, path(first), {
      resolution: 'erased_elsewhere',
      reason: 'by their support, ticket 7',
    });
    expect(resolved).toMatchObject({
      outcome: 'failed',
      reason: 'denied',
      resolution: 'erased_elsewhere',
      resolutionReason: 'by their support, ticket 7',
      resolvedBy: expect.any(String),
      resolvedAt: expect.any(String),
    });
    expect((await api.request(id)).status).toBe('attention');
    await post(200, path(second), { resolution: 'waived', reason: 'it holds nothing' });
    const request = await api.request(id);
    expect(request).toMatchObject({ status: 'completed', counts: { failed: 1, unconfirmed: 1, erased: 1 } });
    expect(request.warnings.map(({ code }) => code)).toEqual(['resolved_by_hand']);

    const twice = await api.call<Problem>('POST', `${REQUESTS}/${path(first)}`, { resolution: 'waived', reason: 'x' });
    const erased = await api.item(id, 'm9');
    const wrong = await api.call<Problem>('POST', `${REQUESTS}/${path(erased)}`, { resolution: 'waived', reason: 'x' });
    const retry = await api.call<Problem>('POST', `${REQUESTS}/${id}/retry`);
    expect([twice.status, wrong.status, retry.status]).toEqual([409, 409, 409]);
  });
});
