import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PageOf } from '../../src/store/cursor.js';
import type { RequestResource } from '../../src/store/read-requests.js';
import { REQUESTS } from '../support/api-client.js';
import { openInstallation } from '../support/service.js';
import type { Installation, TestService } from '../support/service.js';

const DAY_MS = 24 * 60 * 60 * 1000;
const SUPERMEMORY = 'supermemory.documents';

describe('finding requests', () => {
  let installation: Installation;
  let service: TestService;
  const ids: Record<string, string> = {};

  beforeAll(async () => {
    installation = await openInstallation({ sandbox: { seed: { existingPrefixes: { [SUPERMEMORY]: ['m'] } } } });
    const daysAgo = (days: number): string => new Date(Date.now() - days * DAY_MS).toISOString();
    const targets = [{ system: SUPERMEMORY, ids: ['m1'] }];
    const worker = await installation.start();
    ids['completed'] = (await worker.api.erase(targets, { receivedAt: daysAgo(60) })).id;
    const denied = [{ system: SUPERMEMORY, ids: ['m2~fault:denied~'] }];
    ids['attention'] = (await worker.api.erase(denied, { subject: { ref: 'User_42' } })).id;
    await worker.stop();
    service = await installation.start({ role: 'api' });
    const { api } = service;
    ids['overdue'] = (await api.submit({ targets, receivedAt: daysAgo(40) })).id;
    ids['soon'] = (await api.submit({ targets, subject: { ref: 'user_42 ' }, receivedAt: daysAgo(26) })).id;
    ids['fresh'] = (await api.submit({ targets, subject: { ref: 'user_4' } })).id;
    ids['cancelled'] = (await api.submit({ targets, subject: { ref: 'other' } })).id;
    await api.expect(200, 'POST', `${REQUESTS}/${ids['cancelled']}/cancel`);
  });
  afterAll(async () => installation.close());

  async function found(query: string): Promise<string[]> {
    const rows = await service.api.pages<RequestResource>(`${REQUESTS}?${query}`);
    return rows.map(({ id }) => Object.keys(ids).find((name) => ids[name] === id) ?? id);
  }
  async function searched(body: object): Promise<string[]> {
    const page = await service.api.expect<PageOf<RequestResource>>(200, 'POST', `${REQUESTS}/search`, body);
    return page.data.map(({ id }) => Object.keys(ids).find((name) => ids[name] === id) ?? id);
  }

  it('gives all of them, newest first', async () => {
    expect(await found('')).toEqual(['cancelled', 'fresh', 'soon', 'overdue', 'attention', 'completed']);
  });

  it('filters by status and source', async () => {
    expect(await found('status=queued')).toEqual(['fresh', 'soon', 'overdue']);
    expect(await found('status=running')).toEqual([]);
    for (const status of ['completed', 'attention', 'cancelled'])
      expect(await found(`status=${status}`)).toEqual([status]);
    expect(await found('source=import')).toEqual([]);
    expect(await found('source=api&status=attention')).toEqual(['attention']);
  });

  it('filters by what is due: open requests alone can be overdue or due soon', async () => {
    expect(await found('overdue=true')).toEqual(['overdue']);
    expect(await found('dueSoon=true')).toEqual(['soon']);
    expect(await found('overdue=false&dueSoon=false')).toEqual(['cancelled', 'fresh', 'attention', 'completed']);
    const now = encodeURIComponent(new Date().toISOString());
    expect(await found(`dueBefore=${now}`)).toEqual(['overdue', 'completed']);
  });

  it('finds a subject by its exact reference, and only by that', async () => {
    expect(await searched({ subject: { ref: 'user_42' } })).toEqual(['overdue', 'completed']);
    expect(await searched({ subject: { ref: 'User_42' } })).toEqual(['attention']);
    expect(await searched({ subject: { ref: 'user_42 ' } })).toEqual(['soon']);
    expect(await searched({ subject: { ref: 'user_' } })).toEqual([]);
    expect(await searched({ subject: { ref: 'user_42' }, status: 'queued' })).toEqual(['overdue']);
    expect(await searched({ status: 'cancelled' })).toEqual(['cancelled']);
  });
});

describe('pages', () => {
  it('lose and repeat nothing while new requests and items come', async () => {
    const installation = await openInstallation();
    const { api } = await installation.start({ role: 'api' });
    const submit = (name: string, ids: string[]): Promise<RequestResource> =>
      api.submit({ subject: { ref: name }, targets: [{ system: SUPERMEMORY, ids }] });
    const first = await Promise.all(Array.from({ length: 40 }, (_, index) => submit(`u${index}`, ['m1', 'm2'])));
    const expected = first
      .map(({ id }) => id)
      .sort()
      .reverse();
    const seen: string[] = [];
    const sizes: number[] = [];
    for (let cursor = ''; ;) {
      const page = await api.expect<PageOf<RequestResource>>(200, 'GET', `${REQUESTS}?limit=7${cursor}`);
      seen.push(...page.data.map(({ id }) => id));
      sizes.push(page.data.length);
      await submit('late', ['m3']);
      if (page.nextCursor === null) break;
      cursor = `&cursor=${page.nextCursor}`;
    }
    expect(seen).toEqual(expected);
    expect(sizes).toEqual([7, 7, 7, 7, 7, 5]);

    const many = Array.from({ length: 301 }, (_, index) => `m${index}`);
    const { id } = await submit('many', many);
    const items = await api.pages<{ externalId: string }>(`${REQUESTS}/${id}/items?`, 50);
    expect(items.map(({ externalId }) => externalId)).toEqual(many);
    await installation.close();
  });
});
