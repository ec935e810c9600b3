/** Senders of webhooks as they sign: written from the three protocols, apart from the code under test. */
import { createHmac, randomBytes } from 'node:crypto';
import type { Delivery, Scheme } from '../../src/core/webhook-signature.js';

/** A delivery on the wire: header lines in order, and bytes. */
export interface WireDelivery {
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

export const CLERK_SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
export const PLAIN_SECRET = '3f1b2c4d5e6f708192a3b4c5d6e7f809';

/** Signed by Standard Webhooks: `id.timestamp.body`. */
export function signStandard(
  secret: string,
  body: string | Buffer,
  {
    id = `msg_${randomBytes(8).toString('hex')}`,
    seconds = Math.floor(Date.now() / 1000),
  }: { readonly id?: string; readonly seconds?: number | string } = {},
): WireDelivery {
  const bytes = Buffer.from(body);
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${seconds}.`).update(bytes).digest('base64');
  return {
    headers: [
      ['webhook-id', id],
      ['webhook-timestamp', String(seconds)],
      ['webhook-signature', `v1,${signature}`],
    ],
    body: bytes,
  };
}

export function signShopify(
  secret: string,
  body: string | Buffer,
  {
    topic = 'customers/redact',
    shop = 'shop.example.com',
    id = randomBytes(8).toString('hex'),
  }: { topic?: string; shop?: string; id?: string } = {},
): WireDelivery {
  const bytes = Buffer.from(body);
  return {
    headers: [
      ['X-Shopify-Topic', topic],
      ['X-Shopify-Shop-Domain', shop],
      ['X-Shopify-Webhook-Id', id],
      ['X-Shopify-Hmac-Sha256', createHmac('sha256', secret).update(bytes).digest('base64')],
    ],
    body: bytes,
  };
}

export function signGithub(
  secret: string,
  body: string | Buffer,
  { event = 'member', id = randomBytes(8).toString('hex') }: { event?: string; id?: string } = {},
): WireDelivery {
  const bytes = Buffer.from(body);
  return {
    headers: [
      ['X-GitHub-Event', event],
      ['X-GitHub-Delivery', id],
      ['X-Hub-Signature-256', `sha256=${createHmac('sha256', secret).update(bytes).digest('hex')}`],
    ],
    body: bytes,
  };
}

/** What the verifier sees of it. */
export function asDelivery({ headers, body }: WireDelivery): Delivery {
  return {
    header: (name) => headers.filter(([given]) => given.toLowerCase() === name).map(([, value]) => value),
    body,
  };
}

/** With one header set to another value. */
export function withHeader(delivery: WireDelivery, name: string, value: string): WireDelivery {
  return {
    ...delivery,
    headers: delivery.headers.map(([given, old]) => [given, given.toLowerCase() === name ? value : old]),
  };
}

export function headerOf(delivery: WireDelivery, name: string): string {
  return delivery.headers.find(([given]) => given.toLowerCase() === name)?.[1] ?? '';
}

export const SIGNATURE_HEADERS: Readonly<Record<Scheme, string>> = {
  'standard-webhooks': 'webhook-signature',
  shopify: 'x-shopify-hmac-sha256',
  github: 'x-hub-signature-256',
};
