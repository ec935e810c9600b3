import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.js';
import { readEvent } from '../../src/core/webhook-event.js';
import { asDelivery, signGithub, signShopify } from '../support/webhook-senders.js';

const REDACT: JsonObject = { shop_domain: 'shop.example.com', customer: { id: 191167 }, orders_to_redact: [299938] };
const DATA_REQUEST: JsonObject = {
  shop_domain: 'shop.example.com',
  customer: { id: 1 },
  orders_requested: [],
  data_request: { id: 9 },
};

function shopify(payload: JsonObject, topic = 'customers/redact', shop = 'shop.example.com'): string {
  const reading = readEvent('shopify', asDelivery(signShopify('s', '', { topic, shop })).header, payload);
  return reading.ok ? `event ${reading.names[0] ?? null}` : 'refused';
}

describe("Shopify's topic", () => {
  it('is believed where the body says the same', () => {
    expect(shopify(REDACT)).toBe('event customers/redact');
    expect(shopify({ ...REDACT, orders_to_redact: [] })).toBe('event customers/redact');
    expect(shopify(DATA_REQUEST, 'customers/data_request')).toBe('event customers/data_request');
    expect(shopify(REDACT, 'customers/redact', 'SHOP.example.com')).toBe('event customers/redact');
  });

  it('is refused over the body of a data request, whatever it says', () => {
    for (const topic of ['customers/redact', 'shop/redact', 'orders/create', ''])
      expect(shopify(DATA_REQUEST, topic)).toBe('refused');
    expect(shopify({ ...REDACT, data_request: null })).toBe('refused');
  });

  it('is refused over any other body', () => {
    expect(shopify({ shop_domain: 'shop.example.com', customer: { id: 1 } })).toBe('refused');
    expect(shopify({ ...REDACT, orders_to_redact: 'all' })).toBe('refused');
    expect(shopify({ ...REDACT, customer: null })).toBe('refused');
  });

  it('is refused where the shop is another, or none', () => {
    expect(shopify(REDACT, 'customers/redact', 'other.example.com')).toBe('refused');
    expect(shopify({ ...REDACT, shop_domain: 7 })).toBe('refused');
    const { header } = asDelivery({ headers: [['x-shopify-topic', 'customers/redact']], body: Buffer.alloc(0) });
    expect(readEvent('shopify', header, REDACT).ok).toBe(false);
  });
});

describe('the name of an event', () => {
  it('is the own member `type` of a Standard Webhooks payload', () => {
    const header = (): string[] => [];
    expect(readEvent('standard-webhooks', header, { type: 'user.deleted' })).toEqual({
      ok: true,
      names: ['user.deleted'],
    });
    expect(readEvent('standard-webhooks', header, { type: ['user.deleted'] })).toEqual({ ok: true, names: [] });
    expect(readEvent('standard-webhooks', header, {})).toEqual({ ok: true, names: [] });
  });

  it("is GitHub's header, where there is one of it, and with a dot the action of the body", () => {
    const sent = signGithub('s', '', { event: 'member' });
    expect(readEvent('github', asDelivery(sent).header, {})).toEqual({ ok: true, names: ['member'] });
    const removed = { action: 'removed' };
    expect(readEvent('github', asDelivery(sent).header, removed)).toEqual({
      ok: true,
      names: ['member', 'member.removed'],
    });
    expect(readEvent('github', asDelivery(sent).header, { action: ['removed'] })).toEqual({
      ok: true,
      names: ['member'],
    });
    // The header is not signed: it cannot say what only the body may.
    const claimed = signGithub('s', '', { event: 'member.removed' });
    expect(readEvent('github', asDelivery(claimed).header, { action: 'added' })).toEqual({ ok: true, names: [] });
    const twice = asDelivery({ ...sent, headers: [...sent.headers, ...sent.headers] });
    expect(readEvent('github', twice.header, {})).toEqual({ ok: true, names: [] });
  });
});
