import { afterAll, beforeAll, expect, it } from 'vitest';
import { aBody, startApi, SUBMIT } from './test-api.js';
import type { TestApi } from './test-api.js';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

it('a report names the signed head of a tree that holds its own export', async () => {
  const { id }: { id: string } = JSON.parse((await api.call('POST', SUBMIT, { body: aBody() })).text);
  const { integrity }: { integrity: Record<string, unknown> } = JSON.parse(
    (await api.call('GET', `${SUBMIT}/${id}/report`)).text,
  );
  const head = (await api.call('GET', '/v1/ledger/checkpoint')).text;
  expect(integrity['checkpoint']).toBe(head);
  expect(head.split('\n').slice(1, 3)).toEqual([String(integrity['treeSize']), integrity['root']]);
  const key = (await api.call('GET', '/v1/ledger/public-key')).text;
  expect(key.startsWith(`${String(integrity['keyId'])}+`)).toBe(true);
  const { data }: { data: object[] } = JSON.parse((await api.call('GET', `${SUBMIT}/${id}/events?limit=200`)).text);
  expect(data.at(-1)).toMatchObject({ type: 'exported', data: { kind: 'report', format: 'json' } });
});
