/** What a verified delivery is about: its event's name, and whether its body is what that event says. */
import { isJsonArray, isJsonObject, own } from './json.js';
import type { JsonObject } from './json.js';
import type { Delivery, Scheme } from './webhook-signature.js';

/** The one topic of Shopify's whose body tells that it is that topic: the signature does not cover the topic. */
export const SHOPIFY_REDACT = 'customers/redact';
const SHOPIFY_DATA_REQUEST = 'customers/data_request';

export type EventReading =
  /** `event` is null where the delivery names none. */
  { readonly ok: true; readonly event: string | null } | { readonly ok: false; readonly message: string };

/**
 * The event of a delivery whose signature holds. Refused is a body that belongs to another event or shop than its
 * unsigned headers say (Shopify).
 */
export function readEvent(scheme: Scheme, header: Delivery['header'], payload: JsonObject): EventReading {
  switch (scheme) {
    case 'standard-webhooks': {
      const type = own(payload, 'type');
      return { ok: true, event: typeof type === 'string' ? type : null };
    }
    case 'github':
      return { ok: true, event: one(header, 'x-github-event') };
    case 'shopify':
      return readShopify(one(header, 'x-shopify-topic'), one(header, 'x-shopify-shop-domain'), payload);
  }
}

/** A genuine body sent again under another topic passes the signature: so the body itself must say what it is. */
function readShopify(topic: string | null, shop: string | null, payload: JsonObject): EventReading {
  if (own(payload, 'data_request') !== undefined && topic !== SHOPIFY_DATA_REQUEST) {
    return { ok: false, message: 'The body is a data request; nothing is erased for it.' };
  }
  if (topic !== SHOPIFY_REDACT) return { ok: true, event: topic };
  if (!isJsonArray(own(payload, 'orders_to_redact')) || !isRecord(payload, 'customer')) {
    return { ok: false, message: 'The body is not that of customers/redact.' };
  }
  const domain = own(payload, 'shop_domain');
  if (shop === null || typeof domain !== 'string' || domain.toLowerCase() !== shop.toLowerCase()) {
    return { ok: false, message: 'The shop in X-Shopify-Shop-Domain is not that of the body.' };
  }
  return { ok: true, event: topic };
}

function isRecord(payload: JsonObject, name: string): boolean {
  return isJsonObject(own(payload, name));
}

function one(header: Delivery['header'], name: string): string | null {
  const [value, ...more] = header(name);
  return value === undefined || more.length > 0 ? null : value;
}
