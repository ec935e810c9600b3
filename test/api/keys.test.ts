/** API keys: what each opens, and how they are made and revoked. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SCOPES } from '../../src/api/caller.js';
import { until } from '../support/until.js';
import { ROUTE_SCOPES } from './routes.js';
import { expectProblem, startApi, SUBMIT } from './test-api.js';
import type { Sending, TestApi } from './test-api.js';

const KEYS = '/v1/api-keys';
const NOBODY = '01890000-0000-7000-8000-000000000000';

interface Key {
  readonly id: string;
  readonly key: string;
  readonly prefix: string;
  readonly lastUsedAt: string | null;
  readonly revokedAt: string | null;
}

let api: TestApi;
beforeAll(async () => {
  api = await startApi({ limits: { authFailuresPerMinute: 1000 } });
});
afterAll(() => api.close());

async function make(changes: Readonly<Record<string, unknown>> = {}): Promise<Key> {
  const answer = await api.call('POST', KEYS, { body: { name: 'ci', scopes: ['requests:read'], ...changes } });
  expect(answer.status).toBe(201);
  return JSON.parse(answer.text);
}

async function listed(id: string): Promise<Key | undefined> {
  const { data }: { data: Key[] } = JSON.parse((await api.call('GET', `${KEYS}?limit=200`)).text);
  return data.find((key) => key.id === id);
}

describe('every route of the API document', () => {
  const routes: [method: string, path: string, scope: string | null][] = [];
  const documented: string[] = [];
  const call = (method: string, path: string, sending: Sending) => api.call(method.toUpperCase(), path, sending);

  beforeAll(async () => {
    const document: { paths: Record<string, Record<string, object>> } = JSON.parse(
      (await api.call('GET', '/openapi.json')).text,
    );
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const method of path.startsWith('/v1/') ? Object.keys(methods) : []) {
        documented.push(`${method} ${path}`);
        routes.push([method, path.replaceAll(/\{[^}]+\}/g, NOBODY), ROUTE_SCOPES[`${method} ${path}`] ?? null]);
      }
    }
  });

  it('is in the table, and the table has no other', () => {
    expect(documented.toSorted()).toEqual(Object.keys(ROUTE_SCOPES).toSorted());
  });

  it.each(SCOPES)('is open to a key with %s exactly where the table says so', async (scope) => {
    const { key } = await make({ scopes: [scope] });
    for (const [method, path, needed] of routes) {
      const answer = await call(method, path, { key });
      const allowed = needed === null || scope === needed || scope === 'admin';
      if (!allowed) expectProblem(answer, 403, 'scope_missing');
      // What needs no key of ours may ask for a signature.
      else if (needed === null) expect([403, 429, 500, 503], `${method} ${path}`).not.toContain(answer.status);
      else expect([401, 403, 429, 500, 503], `${method} ${path}`).not.toContain(answer.status);
    }
  });

  it('is open to a key with several scopes for each of them', async () => {
    const scopes = ['requests:read', 'directory:write'];
    const { key } = await make({ scopes });
    for (const [method, path, needed] of routes) {
      const { status } = await call(method, path, { key });
      expect(status === 403, `${method} ${path}`).toBe(needed !== null && !scopes.includes(needed));
    }
  });

  it('is shut, by one and the same answer, without a key, to a wrong one, an expired one and a revoked one', async () => {
    const revoked = await make({ scopes: ['admin'] });
    expect((await api.call('DELETE', `${KEYS}/${revoked.id}`)).status).toBe(204);
    const expired = await api.makeKey(['admin'], new Date(Date.now() - 1));
    const wrong = `${api.adminKey.slice(0, -1)}${api.adminKey.endsWith('x') ? 'y' : 'x'}`;
    for (const [method, path, needed] of routes.filter(([, , scope]) => scope !== null)) {
      const bodies = new Set<string>();
      for (const key of [null, wrong, expired, revoked.key]) {
        const answer = await call(method, path, { key });
        expectProblem(answer, 401, 'unauthorized');
        bodies.add(answer.text.replace(/"requestId":"[^"]+"/, ''));
      }
      expect(bodies.size, `${method} ${path} needs ${needed}`).toBe(1);
    }
  });
});

describe('a key', () => {
  it('is shown once, and afterwards only its first characters', async () => {
    const made = await make({ name: 'the CI', expiresAt: '2099-01-01T01:00:00+01:00' });
    expect(made).toMatchObject({ name: 'the CI', scopes: ['requests:read'], expiresAt: '2099-01-01T00:00:00.000Z' });
    expect(made.key.startsWith(made.prefix)).toBe(true);
    const { key, ...rest } = made;
    expect(await listed(made.id)).toEqual({ ...rest, createdBy: expect.stringMatching(/^key_/) });
    expect((await api.call('GET', KEYS)).text).not.toContain(key);
    expect(api.logged.join('\n')).not.toContain(key.slice(made.prefix.length));
  });

  it('opens what it is for until it is revoked, and then nothing, at once', async () => {
    const { id, key } = await make();
    expect((await api.call('GET', SUBMIT, { key })).status).toBe(200);
    expect((await api.call('DELETE', `${KEYS}/${id}`)).status).toBe(204);
    expectProblem(await api.call('GET', SUBMIT, { key }), 401, 'unauthorized');
    const first = (await listed(id))?.revokedAt;
    expect(first).toEqual(expect.any(String));
    expect((await api.call('DELETE', `${KEYS}/${id}`)).status).toBe(204);
    expect((await listed(id))?.revokedAt).toBe(first);
  });

  it('shows when it was last used', async () => {
    const { id, key } = await make();
    expect((await listed(id))?.lastUsedAt).toBeNull();
    await api.call('GET', SUBMIT, { key });
    await until('the use to be noted', async () => (await listed(id))?.lastUsedAt ?? undefined);
  });

  it('opens nothing from its expiry on', async () => {
    const { key } = await make({ expiresAt: new Date(Date.now() + 1500).toISOString() });
    expect((await api.call('GET', SUBMIT, { key })).status).toBe(200);
    await until('the key to run out', async () =>
      (await api.call('GET', SUBMIT, { key })).status === 401 ? true : undefined,
    );
  });

  it('that nobody has cannot be revoked', async () => {
    expectProblem(await api.call('DELETE', `${KEYS}/${NOBODY}`), 404, 'not_found');
    expectProblem(await api.call('DELETE', `${KEYS}/x`), 400, 'id_invalid');
  });

  it.each([
    ['/name', { name: undefined }],
    ['/name', { name: '' }],
    ['/name', { name: 'x'.repeat(101) }],
    ['/scopes', { scopes: undefined }],
    ['/scopes', { scopes: [] }],
    ['/scopes', { scopes: 'admin' }],
    ['/scopes', { scopes: ['requests:read', 'all'] }],
    ['/scopes', { scopes: ['admin', 'admin'] }],
    ['/scopes', { scopes: [['admin']] }],
    ['/expiresAt', { expiresAt: 'tomorrow' }],
    ['/expiresAt', { expiresAt: '2020-01-01T00:00:00Z' }],
    ['/expiresAt', { expiresAt: null }],
    ['/key', { key: 'x'.repeat(43) }],
  ])('is not made with a wrong %s', async (path, changes) => {
    const answer = await api.call('POST', KEYS, { body: { name: 'ci', scopes: ['admin'], ...changes } });
    expect(expectProblem(answer, 400, 'invalid_input')).toEqual([path]);
  });
});

describe('the last admin key', () => {
  it('stays until there is another that lives', async () => {
    const alone = await startApi();
    const { data }: { data: Key[] } = JSON.parse((await alone.call('GET', KEYS)).text);
    const path = `${KEYS}/${data[0]?.id}`;
    await alone.makeKey(['requests:write', 'requests:read', 'reports:read', 'directory:write']);
    await alone.makeKey(['admin'], new Date(Date.now() - 1));
    const kept = await alone.call('DELETE', path);
    expectProblem(kept, 409, 'last_admin_key');
    expect(kept.headers['retry-after']).toBe('60');
    const next = await alone.makeKey(['admin']);
    expect((await alone.call('DELETE', path)).status).toBe(204);
    expect((await alone.call('GET', KEYS, { key: next })).status).toBe(200);
    expectProblem(await alone.call('GET', KEYS), 401, 'unauthorized');
    await alone.close();
  });
});
