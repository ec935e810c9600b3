/** What a verified delivery is about: its event's name, and whether its body is what that event says. */
import { isJsonArray, isJsonObject, own } from './json.js';
import type { JsonObject } from './json.js';
import type { Delivery, Scheme } from './webhook-signature.js';

/** The one topic of Shopify's whose body tells that it is that topic: the signature does not cover the topic. */
export const SHOPIFY_REDACT = 'customers/redact';
const SHOPIFY_DATA_REQUEST = 'customers/data_request';

export type EventReading =
  /** `names` are those by which a source may list the event: none where the delivery names none. */
  { readonly ok: true; readonly names: readonly string[] } | { readonly ok: false; readonly message: string };

/**
 * The event of a delivery whose signature holds. Refused is a body that belongs to another event or shop than its
 * unsigned headers say (Shopify).
 */
export function readEvent(scheme: Scheme, header: Delivery['header'], payload: JsonObject): EventReading {
  switch (scheme) {
    case 'standard-webhooks': {
      const type = own(payload, 'type');
      return { ok: true, names: typeof type === 'string' ? [type] : [] };
    }
    case 'github':
      return { ok: true, names: githubNames(one(header, 'x-github-event'), own(payload, 'action')) };
    case 'shopify':
      return readShopify(one(header, 'x-shopify-topic'), one(header, 'x-shopify-shop-domain'), payload);
  }
}

/**
 * One event of GitHub's tells of opposites, as `member` of who was added and who was removed: `EVENT.ACTION` is one of
 * them. The action is signed, the event is not: what the header says must not pass for both.
 */
function githubNames(event: string | null, action: unknown): readonly string[] {
  if (event === null || event.includes('.')) return [];
  return typeof action === 'string' ? [event, `${event}.${action}`] : [event];
}

/** A genuine body sent again under another topic passes the signature: so the body itself must say what it is. */
function readShopify(topic: string | null, shop: string | null, payload: JsonObject): EventReading {
  if (own(payload, 'data_request') !== undefined && topic !== SHOPIFY_DATA_REQUEST) {
    return { ok: false, message: 'The body is a data request; nothing is erased for it.' };
  }
  if (topic !== SHOPIFY_REDACT) return { ok: true, names: topic === null ? [] : [topic] };
  if (!isJsonArray(own(payload, 'orders_to_redact')) || !isRecord(payload, 'customer')) {
    return { ok: false, message: 'The body is not that of customers/redact.' };
  }
  const domain = own(payload, 'shop_domain');
  if (shop === null || typeof domain !== 'string' || domain.toLowerCase() !== shop.toLowerCase()) {
    return { ok: false, message: 'The shop in X-Shopify-Shop-Domain is not that of the body.' };
  }
  return { ok: true, names: [topic] };
}

function isRecord(payload: JsonObject, name: string): boolean {
  return isJsonObject(own(payload, name));
}

function one(header: Delivery['header'], name: string): string | null {
  const [value, ...more] = header(name);
  return value === undefined || more.length > 0 ? null : value;
}
