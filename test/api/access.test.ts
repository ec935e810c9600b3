/** Who gets in, and to what. */
import { Controller, Get } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aBody, expectProblem, startApi, SUBMIT } from './test-api.js';
import type { TestApi } from './test-api.js';

const NOBODY = '01890000-0000-7000-8000-000000000000';

/** Every route that needs a key, and the scope that it needs. */
const ROUTES: readonly (readonly [method: string, path: string, scope: string, body: unknown])[] = [
  ['POST', SUBMIT, 'requests:write', aBody()],
  ['POST', `${SUBMIT}?dryRun=true`, 'requests:write', aBody()],
  ['GET', SUBMIT, 'requests:read', undefined],
  ['POST', `${SUBMIT}/search`, 'requests:read', {}],
  ['GET', `${SUBMIT}/${NOBODY}`, 'requests:read', undefined],
  ['GET', `${SUBMIT}/${NOBODY}/items`, 'requests:read', undefined],
  ['GET', `${SUBMIT}/${NOBODY}/items/${NOBODY}`, 'requests:read', undefined],
  ['GET', `${SUBMIT}/${NOBODY}/attempts`, 'requests:read', undefined],
  ['GET', `${SUBMIT}/${NOBODY}/report`, 'reports:read', undefined],
  ['GET', `${SUBMIT}/${NOBODY}/report?format=pdf`, 'reports:read', undefined],
  ['GET', '/v1/reports/summary', 'reports:read', undefined],
  ['POST', `${SUBMIT}/${NOBODY}/retry`, 'requests:write', undefined],
  ['POST', `${SUBMIT}/${NOBODY}/cancel`, 'requests:write', undefined],
  ['POST', `${SUBMIT}/${NOBODY}/items/${NOBODY}/retry`, 'requests:write', undefined],
  ['POST', `${SUBMIT}/${NOBODY}/items/${NOBODY}/resolve`, 'requests:write', { resolution: 'waived', reason: 'x' }],
  ['GET', '/v1/systems', 'requests:read', undefined],
  ['POST', '/v1/systems/velt.documents/resume', 'admin', undefined],
  ['POST', '/v1/notification-endpoints', 'admin', { url: 'https://hooks.example.com/' }],
  ['GET', '/v1/notification-endpoints', 'admin', undefined],
  ['DELETE', `/v1/notification-endpoints/${NOBODY}`, 'admin', undefined],
  ['GET', `/v1/notification-endpoints/${NOBODY}/deliveries`, 'admin', undefined],
  ['POST', `/v1/notification-endpoints/${NOBODY}/deliveries/${NOBODY}/redeliver`, 'admin', undefined],
  ['POST', '/v1/webhook-sources', 'admin', { name: 'a', scheme: 'github', events: ['gone'], subjectRef: '{{/id}}' }],
  ['GET', '/v1/webhook-sources', 'admin', undefined],
  ['GET', '/v1/webhook-sources/nobody', 'admin', undefined],
  ['PATCH', '/v1/webhook-sources/nobody', 'admin', { subjectsPerHour: 5 }],
  ['DELETE', '/v1/webhook-sources/nobody', 'admin', undefined],
  ['POST', '/v1/webhook-sources/nobody/secrets', 'admin', undefined],
  ['DELETE', '/v1/webhook-sources/nobody/secrets', 'admin', undefined],
  ['POST', '/v1/webhook-sources/nobody/test', 'admin', {}],
  ['POST', '/v1/webhook-sources/nobody/release', 'admin', undefined],
];
const SCOPES = ['requests:write', 'requests:read', 'reports:read', 'directory:write', 'admin'];

@Controller()
class Unmarked {
  @Get('v1/unmarked')
  versioned(): string {
    return 'open';
  }

  @Get('unmarked')
  other(): string {
    return 'open';
  }
}

let api: TestApi;
const keys = new Map<string, string>();
beforeAll(async () => {
  api = await startApi({ controllers: [Unmarked] });
  for (const scope of SCOPES) keys.set(scope, await api.makeKey([scope]));
});
afterAll(() => api.close());

describe('without a valid key', () => {
  it.each(ROUTES)('%s %s is a 401', async (method, path, _scope, body) => {
    const before = await api.stored();
    const answer = await api.call(method, path, { key: null, body });
    expectProblem(answer, 401, 'unauthorized');
    expect(answer.headers['www-authenticate']).toBe('Bearer');
    expect(await api.stored()).toBe(before);
  });

  it('B43: the answer is the same, whatever is wrong with the key', async () => {
    const expired = await api.makeKey(['admin'], new Date(Date.now() - 1));
    const given = [
      undefined,
      'Bearer',
      'Bearer ',
      'Basic YTpi',
      `Bearer ${api.adminKey}x`,
      `Bearer ${expired}`,
      api.adminKey,
    ];
    const answers = await Promise.all(
      given.map((authorization) =>
        api.call('GET', SUBMIT, { key: null, headers: authorization === undefined ? {} : { authorization } }),
      ),
    );
    const bodies = answers.map(({ status, text }) => `${status} ${text.replace(/"requestId":"[^"]+"/, '')}`);
    expect(new Set(bodies).size).toBe(1);
    expect(bodies[0]).toMatch(/^401 /);
  });

  it('B44: a key in the query string opens nothing', async () => {
    expectProblem(await api.call('GET', `${SUBMIT}?key=${api.adminKey}`, { key: null }), 401, 'unauthorized');
    expect(api.logged.join('\n')).not.toContain(api.adminKey);
  });

  it('a body of 16 MiB is not even read', async () => {
    const answer = await api.call('POST', SUBMIT, { key: null, body: '{' });
    expectProblem(answer, 401, 'unauthorized');
  });

  it.each(['/healthz', '/readyz', '/metrics', '/openapi.json', '/docs'])('%s answers all the same', async (path) => {
    expect((await api.call('GET', path, { key: null })).status).toBe(200);
  });
});

describe('with a key', () => {
  it.each(ROUTES)('B47: %s %s needs the scope %3$s', async (method, path, needed, body) => {
    for (const scope of SCOPES) {
      const answer = await api.call(method, path, { key: keys.get(scope) ?? null, body });
      if (scope === needed || scope === 'admin') expect([200, 201, 202, 404]).toContain(answer.status);
      else expectProblem(answer, 403, 'scope_missing');
    }
  });

  it('that has not run out yet, all is well', async () => {
    const key = await api.makeKey(['requests:read'], new Date(Date.now() + 60_000));
    expect((await api.call('GET', SUBMIT, { key })).status).toBe(200);
  });

  it('B45: that stands in two headers, nothing is guessed', async () => {
    const text = await api.raw(
      `GET ${SUBMIT} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer ${api.adminKey}\r\nAuthorization: Bearer x\r\n\r\n`,
    );
    expect(text).toMatch(/^HTTP\/1\.1 400 [\s\S]*authorization_repeated/);
  });

  it('its id is the actor of what it does', async () => {
    const { actor } = JSON.parse((await api.call('POST', SUBMIT, { body: aBody() })).text);
    expect(actor).toMatch(/^key_[0-9a-f-]{36}$/);
  });

  it('that may only write, the answer to a cancellation tells nothing of the person', async () => {
    const { id } = JSON.parse((await api.call('POST', SUBMIT, { body: aBody() })).text);
    const answer = await api.call('POST', `${SUBMIT}/${id}/cancel`, { key: keys.get('requests:write') ?? null });
    expect(JSON.parse(answer.text)).toEqual({ id });
  });
});

describe('a route that does not say who may', () => {
  it('lets nobody in', async () => {
    expectProblem(await api.call('GET', '/v1/unmarked', { key: null }), 401, 'unauthorized');
    expectProblem(await api.call('GET', '/v1/unmarked'), 403, 'scope_missing');
    expectProblem(await api.call('GET', '/unmarked'), 401, 'unauthorized');
  });
});

describe('an id in a path', () => {
  it('B48: that nobody has is a 404', async () => {
    expectProblem(await api.call('GET', `${SUBMIT}/${NOBODY}`), 404, 'not_found');
    expectProblem(await api.call('GET', `${SUBMIT}/${NOBODY}/items`), 404, 'not_found');
    expectProblem(await api.call('GET', `${SUBMIT}/${NOBODY}/attempts`), 404, 'not_found');
  });

  it.each(['x', '01HZX3V7Q2K8M4N6P0R1S2T3V4', '..%2f', 'x'.repeat(200), '%00'])('B48: of %s is a 400', async (id) => {
    expectProblem(await api.call('GET', `${SUBMIT}/${id}`), 400, 'id_invalid');
  });

  it('B48: in upper case is the same id', async () => {
    const { id }: { id: string } = JSON.parse((await api.call('POST', SUBMIT, { body: aBody() })).text);
    const answer = await api.call('GET', `${SUBMIT}/${id.toUpperCase()}`);
    expect(JSON.parse(answer.text)).toMatchObject({ id });
  });
});
