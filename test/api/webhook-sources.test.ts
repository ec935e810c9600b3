/** Webhook sources, as administrators make, try, change and remove them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dumpSchema } from '../support/dump.js';
import { CLERK_SECRET, PLAIN_SECRET, signStandard } from '../support/webhook-senders.js';
import { expectProblem, startApi, SUBMIT } from './test-api.js';
import type { TestApi } from './test-api.js';
import { CLERK, deleted, deliver, makeSource, redact, remembered, SHOP, SOURCES } from './webhook-test.js';

let api: TestApi;
beforeAll(async () => {
  api = await startApi({ unconfigured: ['velt.comments'] });
});
afterAll(() => api.close());

const listed = async (name: string): Promise<Record<string, unknown>> =>
  JSON.parse((await api.call('GET', `${SOURCES}/${name}`)).text) as Record<string, unknown>;

describe('a new source', () => {
  it('is answered and listed without the secret that was given', async () => {
    const made = await makeSource(api, CLERK);
    const { name, scheme, events, subjectRef, targets } = CLERK;
    expect(made).toEqual({
      name,
      scheme,
      events,
      subjectRef,
      targets,
      subjectsPerHour: 100,
      held: 0,
      createdAt: expect.any(String) as string,
      secrets: [{ createdAt: expect.any(String) as string }],
    });
    expect(await listed('clerk')).toEqual(made);
    const { text } = await api.call('GET', SOURCES);
    expect(JSON.parse(text)).toEqual({ data: [made], nextCursor: null });
  });

  it('gets a secret made, shown once, when none is given', async () => {
    for (const [scheme, form] of [
      ['standard-webhooks', /^whsec_[A-Za-z0-9+/]{43}=$/],
      ['github', /^[0-9a-f]{64}$/],
    ] as const) {
      const made = await makeSource(api, CLERK, { name: scheme, scheme, secret: undefined });
      expect(made).toMatchObject({ secret: expect.stringMatching(form) as string });
      expect(Object.keys(await listed(scheme))).not.toContain('secret');
    }
  });

  it('keeps its secrets sealed', async () => {
    const dump = await dumpSchema(api.workplace.database.pool, 'public');
    expect(dump).toContain('clerk');
    expect(dump).not.toContain(CLERK_SECRET.slice(6));
    expect(dump).not.toContain(Buffer.from(CLERK_SECRET.slice(6), 'base64').toString('latin1'));
  });

  it('is refused under a name that is taken', async () => {
    expectProblem(await api.call('POST', SOURCES, { body: CLERK }), 409, 'source_exists');
  });

  it.each([
    [{ name: 'Clerk' }, '/name'],
    [{ name: '' }, '/name'],
    [{ name: 'x'.repeat(65) }, '/name'],
    [{ scheme: 'none' }, '/scheme'],
    [{ events: [] }, '/events'],
    [{ events: undefined }, '/events'],
    [{ events: '*' }, '/events'],
    [{ events: [' '] }, '/events'],
    [{ secret: 'whsec_short' }, '/secret'],
    [{ secret: PLAIN_SECRET }, '/secret'],
    [{ subjectRef: 'everybody' }, '/subjectRef'],
    [{ subjectRef: '{{data}}' }, '/subjectRef'],
    [{ targets: [] }, '/targets'],
    [{ targets: null }, '/targets'],
    [{ targets: [{ system: 'nowhere', ids: ['{{/id}}'] }] }, '/targets/0/system'],
    [{ targets: [{ system: 'supermemory.documents' }] }, '/targets/0/ids'],
    [
      { targets: [{ system: 'supermemory.documents', ids: '{{/a}}', containerTags: ['t'] }] },
      '/targets/0/containerTags',
    ],
    [
      { targets: [{ system: 'velt.documents', organizationId: ['{{/o}}'], documentIds: ['d'] }] },
      '/targets/0/organizationId',
    ],
    [{ targets: [{ system: 'velt.documents', documentIds: ['d'] }] }, '/targets/0/organizationId'],
    [
      { targets: [{ system: 'velt.documents', organizationId: 'o', documentIds: 'd{{/x}}' }] },
      '/targets/0/documentIds',
    ],
    [{ targets: [{ system: 'velt.documents', organizationId: 'o', documentIds: [] }] }, '/targets/0/documentIds'],
    [{ targets: [{ system: 'velt.documents', organizationId: 'o', documentIds: ['d'], url: 'x' }] }, '/targets/0/url'],
    [{ subjectsPerHour: 0 }, '/subjectsPerHour'],
    [{ subjectsPerHour: 1.5 }, '/subjectsPerHour'],
    [{ url: 'https://example.com' }, '/url'],
  ])('is refused with %j', async (changes, pointer) => {
    const answer = await api.call('POST', SOURCES, { body: { ...CLERK, name: 'refused', ...changes } });
    expect(expectProblem(answer, 400, 'invalid_input')).toContain(pointer);
    expectProblem(await api.call('GET', `${SOURCES}/refused`), 404, 'not_found');
  });

  it("of Shopify's has the one topic that its bodies prove", async () => {
    const body = { ...SHOP, events: ['customers/redact', 'customers/delete'] };
    expect(expectProblem(await api.call('POST', SOURCES, { body }), 400, 'invalid_input')).toEqual(['/events']);
  });

  it('for a system that is not configured is a 422', async () => {
    const targets = [{ system: 'velt.comments', documentId: '{{/d}}' }];
    const answer = await api.call('POST', SOURCES, { body: { ...CLERK, name: 'refused', targets } });
    expect(expectProblem(answer, 422, 'not_configured')).toEqual(['/targets/0/system']);
  });
});

describe('a sample payload', () => {
  const test = async (name: string, body: string, headers: Record<string, string> = {}) =>
    api.call('POST', `${SOURCES}/${name}/test`, { body, headers });

  it('shows what a delivery would make; nothing is stored', async () => {
    const [before, rows] = [await remembered(api), await api.stored()];
    const answer = await test('clerk', deleted('u1'));
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({
      dryRun: true,
      subject: { ref: 'u1' },
      items: 3,
      calls: 2,
      targets: [
        { system: 'supermemory.documents', containerTags: ['user_u1'] },
        { system: 'velt.documents', organizationId: 'org1', documentIds: ['d1', 'd2'] },
      ],
    });
    expect([await remembered(api), await api.stored()]).toEqual([before, rows]);
  });

  it('is read with its headers, as the delivery would be', async () => {
    await makeSource(api, SHOP);
    const headers = { 'x-shopify-topic': 'customers/redact', 'x-shopify-shop-domain': 'shop.example.com' };
    expect(JSON.parse((await test('shop', redact(1), headers)).text)).toMatchObject({ subject: { ref: 'shopify:1' } });
    expect(JSON.parse((await test('shop', redact(1))).text)).toEqual({ ignored: true, reason: 'event' });
    expectProblem(await test('shop', redact(1, { data_request: {} }), headers), 422, 'payload_unfit');
  });

  it('that does not fit is refused as the delivery would be', async () => {
    expect(expectProblem(await test('clerk', deleted('u1', { documentIds: [] })), 422, 'payload_unfit')).toEqual([
      '/data/documentIds',
    ]);
    expectProblem(await test('clerk', '{'), 400, 'json_invalid');
    expectProblem(await test('clerk', 'x'.repeat(256 * 1024 + 1)), 413, 'body_too_large');
    expectProblem(await test('nobody', deleted('u1')), 404, 'not_found');
    await makeSource(api, CLERK, { name: 'directory', targets: undefined });
    expect(JSON.parse((await test('directory', deleted('u1'))).text)).toEqual({
      ignored: true,
      reason: 'unknown_subject',
    });
  });
});

describe('a rotation of secrets', () => {
  const NEW = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX';
  const signed = async (secret: string): Promise<number> =>
    (await deliver(api, 'rotated', signStandard(secret, JSON.stringify({ type: 'other' })))).status;

  it('lets both count, then only the newer', async () => {
    await makeSource(api, CLERK, { name: 'rotated' });
    const path = `${SOURCES}/rotated/secrets`;
    expectProblem(await api.call('DELETE', path), 409, 'last_secret');
    expect(expectProblem(await api.call('POST', path, { body: { secret: 'x' } }), 400, 'invalid_input')).toEqual([
      '/secret',
    ]);
    const added = await api.call('POST', path, { body: { secret: NEW } });
    expect([added.status, added.text]).toEqual([201, '{}']);
    expect([await signed(CLERK_SECRET), await signed(NEW)]).toEqual([202, 202]);
    expectProblem(await api.call('POST', path), 409, 'secrets_full');
    expect((await api.call('DELETE', path)).status).toBe(204);
    expect([await signed(CLERK_SECRET), await signed(NEW)]).toEqual([401, 202]);
    const made = await api.call('POST', path);
    expect(made.status).toBe(201);
    const { secret }: { secret: string } = JSON.parse(made.text);
    expect(await signed(secret)).toBe(202);
    expect((await listed('rotated'))['secrets']).toHaveLength(2);
  });
});

describe('the volume of a source', () => {
  it('holds what is over it, releases by hand, and counts anew from there', async () => {
    await makeSource(api, CLERK, { name: 'loud', subjectsPerHour: 2 });
    const send = async (subject: string): Promise<string> => {
      const answer = await deliver(api, 'loud', signStandard(CLERK_SECRET, deleted(subject)));
      expect(answer.status).toBe(202);
      return (JSON.parse(answer.text) as { id: string }).id;
    };
    const heldOf = async (id: string): Promise<unknown> =>
      (JSON.parse((await api.call('GET', `${SUBMIT}/${id}`)).text) as { held: unknown }).held;
    const free = [await send('a'), await send('a'), await send('b')];
    const over = [await send('c'), await send('d')];
    for (const id of free) expect(await heldOf(id)).toBeNull();
    for (const id of over) expect(await heldOf(id)).toBe('volume');
    expect(await listed('loud')).toMatchObject({ held: 2, subjectsPerHour: 2 });
    expect((await api.call('GET', '/metrics')).text).toContain('expunge_requests_held 2\n');
    expectProblem(await api.call('DELETE', `${SOURCES}/loud`), 409, 'requests_held');
    const released = await api.call('POST', `${SOURCES}/loud/release`);
    expect([released.status, released.text]).toEqual([200, '{"released":2}']);
    for (const id of over) expect(await heldOf(id)).toBeNull();
    expect([await heldOf(await send('e')), await heldOf(await send('f')), await heldOf(await send('g'))]).toEqual([
      null,
      null,
      'volume',
    ]);
  });

  it('can be changed', async () => {
    const changed = await api.call('PATCH', `${SOURCES}/loud`, { body: { subjectsPerHour: 1000 } });
    expect(JSON.parse(changed.text)).toMatchObject({ name: 'loud', subjectsPerHour: 1000, held: 1 });
    expect(expectProblem(await api.call('PATCH', `${SOURCES}/loud`, { body: {} }), 400, 'invalid_input')).toEqual([
      '/subjectsPerHour',
    ]);
  });
});

describe('a source that nobody made', () => {
  it.each([
    ['GET', ''],
    ['DELETE', ''],
    ['POST', '/secrets'],
    ['DELETE', '/secrets'],
    ['POST', '/test'],
    ['POST', '/release'],
  ])('%s …%s is a 404', async (method, path) => {
    for (const name of ['nobody', '%00', 'UPPER'])
      expectProblem(
        await api.call(method, `${SOURCES}/${name}${path}`, path === '/test' ? { body: '{}' } : {}),
        404,
        'not_found',
      );
  });
});
