/** Schemes that sign the body alone: what stands in headers is believed only as far as the body says the same. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PLAIN_SECRET, signGithub, signShopify } from '../support/webhook-senders.js';
import { expectProblem, startApi } from './test-api.js';
import type { TestApi } from './test-api.js';
import { deliver, makeSource, redact, remembered, SHOP, SOURCES } from './webhook-test.js';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
  await makeSource(api, SHOP);
  await makeSource(api, SHOP, { name: 'shop2' });
  await makeSource(api, SHOP, { name: 'hub', scheme: 'github', events: ['gone', 'left'] });
  await makeSource(api, SHOP, { name: 'members', scheme: 'github', events: ['member.removed'] });
});
afterAll(() => api.close());

describe('a body that is signed alone', () => {
  it('acts once per source, whatever its delivery id and topic', async () => {
    const first = await deliver(api, 'shop', signShopify(PLAIN_SECRET, redact(1), { id: 'a' }));
    expect(first.status).toBe(202);
    const before = await remembered(api);
    for (const changes of [
      { id: 'a' },
      { id: 'b' },
      { id: 'c', topic: 'shop/redact' },
      { shop: 'other.example.com' },
    ]) {
      const again = await deliver(api, 'shop', signShopify(PLAIN_SECRET, redact(1), changes));
      expect([again.status, again.text]).toEqual([200, first.text]);
    }
    expect(await remembered(api)).toEqual(before);
    const elsewhere = await deliver(api, 'shop2', signShopify(PLAIN_SECRET, redact(1), { id: 'a' }));
    expect([elsewhere.status, elsewhere.text === first.text]).toEqual([202, false]);
  });

  it('acts once when it comes 50 times at once under 50 ids', async () => {
    const before = await remembered(api);
    const sent = Array.from({ length: 50 }, (_, no) =>
      signGithub(PLAIN_SECRET, redact(2), { event: 'gone', id: `id${no}` }),
    );
    const answers = await Promise.all(sent.map((delivery) => deliver(api, 'hub', delivery)));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(await remembered(api)).toEqual({ requests: before.requests + 1, deliveries: before.deliveries + 1 });
  });

  it('acts without a delivery id as well, once', async () => {
    const { headers, body } = signGithub(PLAIN_SECRET, redact(3), { event: 'gone' });
    const bare = { headers: headers.filter(([name]) => name !== 'X-GitHub-Delivery'), body };
    const [first, again] = [await deliver(api, 'hub', bare), await deliver(api, 'hub', bare)];
    expect([first.status, again.status, again.text]).toEqual([202, 200, first.text]);
  });

  it('under the delivery id of another body gets the answer of that, and a warning is logged', async () => {
    const first = await deliver(api, 'shop', signShopify(PLAIN_SECRET, redact(4), { id: 'taken' }));
    const logged = api.logged.length;
    const other = await deliver(api, 'shop', signShopify(PLAIN_SECRET, redact(5), { id: 'taken' }));
    expect([other.status, other.text]).toEqual([200, first.text]);
    expect(api.logged.slice(logged).join()).toContain('another body');
  });

  it('that was ignored under one topic can still act under its own', async () => {
    const ignored = await deliver(api, 'shop', signShopify(PLAIN_SECRET, redact(6), { id: 'x', topic: 'shop/redact' }));
    expect(JSON.parse(ignored.text)).toEqual({ ignored: true, reason: 'event' });
    const acted = await deliver(api, 'shop', signShopify(PLAIN_SECRET, redact(6), { id: 'y' }));
    expect(acted.status).toBe(202);
    const again = await deliver(api, 'shop', signShopify(PLAIN_SECRET, redact(6), { id: 'x', topic: 'shop/redact' }));
    expect([again.status, again.text]).toEqual([200, acted.text]);
  });
});

describe("GitHub's action", () => {
  const sent = (no: number, action: string, event: string) =>
    signGithub(PLAIN_SECRET, redact(no, { action }), { event, id: `${event} ${no}` });

  it('tells what asks for an erasure from its opposite, whatever the header says', async () => {
    for (const event of ['member', 'member.removed']) {
      const opposite = await deliver(api, 'members', sent(20, 'added', event));
      expect(JSON.parse(opposite.text)).toEqual({ ignored: true, reason: 'event' });
    }
    const other = await deliver(api, 'members', sent(21, 'removed', 'team'));
    expect(JSON.parse(other.text)).toEqual({ ignored: true, reason: 'event' });
    const asked = await deliver(api, 'members', sent(22, 'removed', 'member'));
    expect(JSON.parse(asked.text)).toEqual({ id: expect.any(String) });
  });
});

describe("Shopify's data request", () => {
  const body = redact(7, { data_request: { id: 9 } });

  it('starts nothing under another topic', async () => {
    const before = await remembered(api);
    for (const topic of ['customers/redact', 'shop/redact', 'anything'])
      expectProblem(await deliver(api, 'shop', signShopify(PLAIN_SECRET, body, { topic })), 422, 'payload_unfit');
    expect(await remembered(api)).toEqual(before);
  });

  it('is ignored under its own', async () => {
    const answer = await deliver(api, 'shop', signShopify(PLAIN_SECRET, body, { topic: 'customers/data_request' }));
    expect([answer.status, JSON.parse(answer.text)]).toEqual([202, { ignored: true, reason: 'event' }]);
  });
});

describe('a redaction', () => {
  it('of another shop than the header says starts nothing', async () => {
    const delivery = signShopify(PLAIN_SECRET, redact(8), { shop: 'other.example.com' });
    expectProblem(await deliver(api, 'shop', delivery), 422, 'payload_unfit');
  });

  it('that names no orders to redact is none', async () => {
    const body = redact(9, { orders_to_redact: undefined });
    expectProblem(await deliver(api, 'shop', signShopify(PLAIN_SECRET, body)), 422, 'payload_unfit');
  });
});

describe('a source that is removed and made again', () => {
  it('knows every delivery that it ever acted upon', async () => {
    const delivery = signShopify(PLAIN_SECRET, redact(10));
    const first = await deliver(api, 'shop2', delivery);
    expect((await api.call('DELETE', `${SOURCES}/shop2`)).status).toBe(204);
    expectProblem(await deliver(api, 'shop2', delivery), 401, 'signature_invalid');
    await makeSource(api, SHOP, { name: 'shop2' });
    const again = await deliver(api, 'shop2', delivery);
    expect([again.status, again.text]).toEqual([200, first.text]);
  });
});
