/** Signed deletion webhooks over HTTP: what each delivery does, and that none acts twice. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SCHEMES } from '../../src/core/webhook-signature.js';
import { Dice } from '../truth/dice.js';
import { genuine, mutationsOf } from '../support/webhook-mutants.js';
import { CLERK_SECRET, PLAIN_SECRET, signShopify, signStandard, withHeader } from '../support/webhook-senders.js';
import { expectProblem, startApi, SUBMIT } from './test-api.js';
import type { TestApi } from './test-api.js';
import { CLERK, deleted, deliver, makeSource, remembered, SHOP } from './webhook-test.js';

const now = (): number => Math.floor(Date.now() / 1000);

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
  await makeSource(api, CLERK);
  await makeSource(api, CLERK, { name: 'other', secret: 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX' });
  await makeSource(api, SHOP);
  await makeSource(api, { ...SHOP, name: 'hub', scheme: 'github', events: ['gone'] });
  await makeSource(api, { ...CLERK, name: 'directory', targets: undefined });
});
afterAll(() => api.close());

describe('a delivery whose signature holds', () => {
  it('makes one request, of its source', async () => {
    const answer = await deliver(api, 'clerk', signStandard(CLERK_SECRET, deleted('u1')));
    expect(answer.status).toBe(202);
    const { id }: { id: string } = JSON.parse(answer.text);
    expect(JSON.parse(answer.text)).toEqual({ id });
    expect(JSON.parse((await api.call('GET', `${SUBMIT}/${id}`)).text)).toMatchObject({
      source: 'webhook:clerk',
      actor: 'webhook:clerk',
      status: 'queued',
      held: null,
      subject: { ref: 'u1' },
      counts: { total: 3, pending: 3 },
    });
    const items: { data: { externalId: string; kind: string }[] } = JSON.parse(
      (await api.call('GET', `${SUBMIT}/${id}/items`)).text,
    );
    expect(items.data.map((item) => `${item.kind} ${item.externalId}`)).toEqual(['selector user_u1', 'id d1', 'id d2']);
  });

  it('is taken whatever media type it claims', async () => {
    const delivery = signStandard(CLERK_SECRET, deleted('u2'));
    for (const type of ['text/plain', 'application/json; charset=utf-8', 'application/x-www-form-urlencoded']) {
      const answer = await deliver(api, 'clerk', {
        ...delivery,
        headers: [...delivery.headers, ['content-type', type]],
      });
      expect([200, 202]).toContain(answer.status);
    }
  });

  it('gives the first answer when it comes again, days later too', async () => {
    const first = await deliver(
      api,
      'clerk',
      signStandard(CLERK_SECRET, deleted('u3'), { id: 'msg_3', seconds: now() - 290 }),
    );
    const before = await remembered(api);
    const again = await deliver(api, 'clerk', signStandard(CLERK_SECRET, deleted('u3'), { id: 'msg_3' }));
    expect([first.status, again.status]).toEqual([202, 200]);
    expect(again.text).toBe(first.text);
    expect(await remembered(api)).toEqual(before);
  });

  it('B63: under a known id with another body does nothing, and a warning says so', async () => {
    const first = await deliver(api, 'clerk', signStandard(CLERK_SECRET, deleted('u4'), { id: 'msg_4' }));
    const before = await remembered(api);
    const logged = api.logged.length;
    for (const body of [deleted('u5'), 'no JSON', deleted('u5', { documentIds: [] })]) {
      const again = await deliver(api, 'clerk', signStandard(CLERK_SECRET, body, { id: 'msg_4' }));
      expect([again.status, again.text]).toEqual([200, first.text]);
    }
    expect(await remembered(api)).toEqual(before);
    const warnings = api.logged.slice(logged).filter((line) => line.includes('another body'));
    expect(warnings).toHaveLength(3);
    expect(warnings.join()).not.toMatch(/u4|u5|msg_4/);
  });

  it('makes one request when it comes 100 times at once', async () => {
    const before = await remembered(api);
    const delivery = signStandard(CLERK_SECRET, deleted('u6'), { id: 'msg_6' });
    const answers = await Promise.all(Array.from({ length: 100 }, () => deliver(api, 'clerk', delivery)));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(99);
    expect(await remembered(api)).toEqual({ requests: before.requests + 1, deliveries: before.deliveries + 1 });
  });

  it('of an event that is not listed is ignored, and starts nothing', async () => {
    const { requests } = await remembered(api);
    for (const [id, type] of [
      ['msg_7', 'user.created'],
      ['msg_8', 7],
      ['msg_9', 'User.Deleted'],
    ]) {
      const delivery = signStandard(CLERK_SECRET, JSON.stringify({ type, data: { id: 'u7' } }), { id: String(id) });
      const [first, again] = [await deliver(api, 'clerk', delivery), await deliver(api, 'clerk', delivery)];
      expect(JSON.parse(first.text)).toEqual({ ignored: true, reason: 'event' });
      expect([first.status, again.status, again.text]).toEqual([202, 200, first.text]);
    }
    expect((await remembered(api)).requests).toBe(requests);
  });

  it('about somebody whom the directory does not know is ignored', async () => {
    const delivery = signStandard(CLERK_SECRET, deleted('nobody'));
    const [first, again] = [await deliver(api, 'directory', delivery), await deliver(api, 'directory', delivery)];
    expect(JSON.parse(first.text)).toEqual({ ignored: true, reason: 'unknown_subject' });
    expect([first.status, again.status, again.text]).toEqual([202, 200, first.text]);
  });

  it.each([
    [{ id: null }, ['/data/id']],
    [{ id: '' }, ['/data/id']],
    [{ documentIds: [] }, ['/data/documentIds']],
    [{ documentIds: ['d1', ''] }, ['/data/documentIds']],
    [{ documentIds: undefined }, ['/data/documentIds']],
    [{ id: 'nul\0' }, ['/subjectRef']],
    [{ documentIds: ['x'.repeat(1025)] }, ['/targets/1/documentIds/0']],
  ])('with %j in its payload starts nothing and can come again', async (changes, pointers) => {
    const before = await remembered(api);
    const answer = await deliver(api, 'clerk', signStandard(CLERK_SECRET, deleted('u8', changes), { id: 'msg_u8' }));
    expect(expectProblem(answer, 422, 'payload_unfit')).toEqual(pointers);
    expect(await remembered(api)).toEqual(before);
  });

  it('and is no JSON object is a 400', async () => {
    const before = await remembered(api);
    for (const [body, slug] of [
      ['{"type"', 'json_invalid'],
      ['[]', 'body_not_object'],
      ['', 'body_missing'],
      ['{"a":1,"a":2}', 'duplicate_key'],
    ])
      expectProblem(await deliver(api, 'clerk', signStandard(CLERK_SECRET, body ?? '')), 400, slug ?? '');
    expect(await remembered(api)).toEqual(before);
  });

  it('may have 256 KiB and no more', async () => {
    const body = (bytes: number): string => JSON.stringify({ type: 'x', text: 'y'.repeat(bytes - 22) });
    const fits = await deliver(api, 'clerk', signStandard(CLERK_SECRET, body(256 * 1024)));
    expect([fits.status, body(256 * 1024).length]).toEqual([202, 256 * 1024]);
    const more = signStandard(CLERK_SECRET, body(256 * 1024 + 1));
    expectProblem(await deliver(api, 'clerk', more), 413, 'body_too_large');
    expectProblem(await deliver(api, 'unknown', more), 413, 'body_too_large');
  });
});

describe('a delivery whose signature does not hold', () => {
  it('gets the same 401 whatever is wrong, known source or not, and leaves nothing but a warning', async () => {
    const before = await remembered(api);
    const logged = api.logged.length;
    const good = signStandard(CLERK_SECRET, deleted('secret-person'));
    const stale = signStandard(CLERK_SECRET, deleted('secret-person'), { seconds: now() - 301 });
    const cases: [string, typeof good][] = [
      ['unknown', good],
      ['%00', good],
      ['CLERK', good],
      ['x'.repeat(200), good],
      ['clerk', { ...good, headers: [] }],
      ['clerk', withHeader(good, 'webhook-signature', 'v1,AAAA')],
      ['clerk', stale],
      ['clerk', { ...good, body: Buffer.from('not JSON') }],
      ['other', good],
      ['shop', good],
    ];
    const answers = [];
    for (const [source, delivery] of cases) answers.push(await deliver(api, source, delivery));
    for (const answer of answers) expectProblem(answer, 401, 'signature_invalid');
    expect(new Set(answers.map(({ text }) => text.replace(/"requestId":"[^"]+"/, ''))).size).toBe(1);
    expect(await remembered(api)).toEqual(before);
    const lines = api.logged.slice(logged).join('\n');
    expect(lines.match(/its signature does not hold/g)).toHaveLength(cases.length);
    expect(lines).not.toMatch(/secret-person|CLERK|whsec|v1,|msg_|xxxx/);
  });

  it('B62: over JSON written otherwise, or for another source, is refused', async () => {
    const good = signStandard(CLERK_SECRET, deleted('u9'));
    const rewritten = Buffer.from(JSON.stringify(JSON.parse(deleted('u9')), null, 2));
    expectProblem(await deliver(api, 'clerk', { ...good, body: rewritten }), 401, 'signature_invalid');
    expectProblem(await deliver(api, 'other', good), 401, 'signature_invalid');
  });

  it('is refused in all the ways in which it can be touched, over the wire too', async () => {
    const before = await remembered(api);
    const dice = new Dice(61);
    const places = { 'standard-webhooks': 'clerk', shopify: 'shop', github: 'hub' } as const;
    let sent = 0;
    for (const scheme of SCHEMES) {
      for (const [what, mutate] of mutationsOf(scheme)) {
        for (let round = 0; round < 3; round += 1, sent += 1) {
          const answer = await deliver(api, places[scheme], mutate(genuine(scheme, now(), dice), dice));
          expect(answer.status, `${scheme}: ${what}`).toBe(401);
        }
      }
    }
    expect(sent).toBeGreaterThan(200);
    expect(await remembered(api)).toEqual(before);
  });
});

describe('the examples', () => {
  const example = (name: string): string => readFileSync(`examples/${name}.json`, 'utf8');

  it.each([
    ['clerk', 'clerk-user-deleted', (body: string) => signStandard(CLERK_SECRET, body)],
    [
      'shopify',
      'shopify-customers-redact',
      (body: string) => signShopify(PLAIN_SECRET, body, { shop: 'acme.myshopify.com' }),
    ],
  ])('of %s make a request', async (source, payload, sign) => {
    const definition = JSON.parse(example(`${source}-source`)) as object;
    const secret = source === 'clerk' ? CLERK_SECRET : PLAIN_SECRET;
    await makeSource(api, definition, { name: `example-${source}`, secret });
    const answer = await deliver(api, `example-${source}`, sign(example(payload)));
    expect([answer.status, answer.text]).toEqual([202, expect.stringMatching(/^\{"id":"[0-9a-f-]{36}"\}$/)]);
  });
});
