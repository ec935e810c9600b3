/** What may be done with a request and its items, and when it may not. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aBody, expectProblem, startApi, SUBMIT } from './test-api.js';
import type { TestApi } from './test-api.js';

let api: TestApi;
beforeAll(async () => {
  api = await startApi({ unconfigured: ['velt.documents', 'velt.comments'] });
});
afterAll(() => api.close());

async function submitted(): Promise<string> {
  const answer = await api.call('POST', SUBMIT, { body: aBody() });
  expect(answer.status).toBe(202);
  return `${SUBMIT}/${JSON.parse(answer.text).id}`;
}

async function anItem(request: string): Promise<string> {
  const { data } = JSON.parse((await api.call('GET', `${request}/items`)).text);
  return `${request}/items/${data[0].id}`;
}

describe('submitting', () => {
  it('answers with what reading then gives', async () => {
    const answer = await api.call('POST', SUBMIT, { body: aBody({ note: 'ticket 8841' }) });
    const read = await api.call('GET', answer.headers.location ?? '');
    expect(JSON.parse(read.text)).toEqual(JSON.parse(answer.text));
    expect(JSON.parse(read.text)).toMatchObject({
      status: 'queued',
      subject: { ref: 'user_42' },
      note: 'ticket 8841',
      source: 'api',
      counts: { total: 2, pending: 2 },
    });
  });

  it('B25: for a system that is not configured is refused', async () => {
    const before = await api.stored();
    const targets = [
      { system: 'supermemory.documents', ids: ['a'] },
      { system: 'velt.comments', documentId: 'd1' },
    ];
    for (const path of [SUBMIT, `${SUBMIT}?dryRun=true`]) {
      const answer = await api.call('POST', path, { body: aBody({ targets }) });
      expect(expectProblem(answer, 422, 'not_configured')).toEqual(['/targets/1/system']);
    }
    expect(await api.stored()).toBe(before);
  });

  it('without targets is refused when nothing is known of the subject', async () => {
    const answer = await api.call('POST', SUBMIT, { body: { subject: { ref: 'user_42' } } });
    expectProblem(answer, 422, 'unknown_subject');
  });
});

describe('cancelling', () => {
  it('B50: is done once', async () => {
    const request = await submitted();
    const answer = await api.call('POST', `${request}/cancel`);
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({ status: 'cancelled', counts: { pending: 0, cancelled: 2 } });
    const again = await api.call('POST', `${request}/cancel`, { body: {} });
    expectProblem(again, 409, 'nothing_pending');
    expect(again.headers['retry-after']).toMatch(/^\d+$/);
  });

  it('takes no body but an empty one', async () => {
    const request = await submitted();
    const answer = await api.call('POST', `${request}/cancel`, { body: { force: true } });
    expect(expectProblem(answer, 400, 'invalid_input')).toEqual(['/force']);
    expect((await api.call('POST', `${request}/cancel`, { body: '' })).status).toBe(200);
  });
});

describe('retrying', () => {
  it('B51: is refused where nothing failed', async () => {
    const request = await submitted();
    expectProblem(await api.call('POST', `${request}/retry`), 409, 'nothing_to_retry');
    expectProblem(await api.call('POST', `${await anItem(request)}/retry`), 409, 'nothing_to_retry');
  });

  it('B49: is refused once cancelled', async () => {
    const request = await submitted();
    await api.call('POST', `${request}/cancel`);
    expectProblem(await api.call('POST', `${request}/retry`), 409, 'cancelled');
  });
});

describe('resolving', () => {
  it('is refused for an item that is not open', async () => {
    const body = { resolution: 'waived', reason: 'agreed with the person' };
    expectProblem(await api.call('POST', `${await anItem(await submitted())}/resolve`, { body }), 409, 'not_open');
  });

  it.each([
    [{}, ['/reason', '/resolution']],
    [{ resolution: 'erased', reason: 'x' }, ['/resolution']],
    [{ resolution: 'waived', reason: '' }, ['/reason']],
    [{ resolution: 'waived', reason: 'x', by: 'me' }, ['/by']],
  ])('by %j is refused', async (body, pointers) => {
    const answer = await api.call('POST', `${await anItem(await submitted())}/resolve`, { body });
    expect(expectProblem(answer, 400, 'invalid_input').sort()).toEqual(pointers);
  });
});

describe('systems', () => {
  it('are listed with their limits and gates', async () => {
    const { data } = JSON.parse((await api.call('GET', '/v1/systems')).text);
    expect(data).toMatchObject([
      { system: 'velt.documents', configured: false, limits: { idsPerCall: 30 }, gate: { state: 'open' } },
      { system: 'velt.comments', configured: false },
      { system: 'supermemory.documents', configured: true, limits: { idsPerCall: 100 } },
    ]);
  });

  it('can be resumed, also when open, and only by their names', async () => {
    const answer = await api.call('POST', '/v1/systems/supermemory.documents/resume');
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({ system: 'supermemory.documents', gate: { state: 'open' } });
    for (const name of ['nobody', '__proto__', 'toString', '%00']) {
      expectProblem(await api.call('POST', `/v1/systems/${name}/resume`), 404, 'not_found');
    }
  });
});
