/** Deliveries that were genuine until somebody touched them: their signature must not hold any more. */
import type { Scheme } from '../../src/core/webhook-signature.js';
import type { Dice } from '../truth/dice.js';
import {
  CLERK_SECRET,
  headerOf,
  PLAIN_SECRET,
  signGithub,
  signShopify,
  signStandard,
  SIGNATURE_HEADERS,
  withHeader,
} from './webhook-senders.js';
import type { WireDelivery } from './webhook-senders.js';

type Mutation = (delivery: WireDelivery, dice: Dice) => WireDelivery;

const OTHER_SECRET = 'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'.split('');

/** A genuine delivery of the scheme, of this second. */
export function genuine(scheme: Scheme, nowSeconds: number, dice: Dice): WireDelivery {
  const data = { id: dice.below(1e9), text: 'é'.repeat(dice.below(20)), deleted: true };
  const body = JSON.stringify({ type: 'user.deleted', data });
  if (scheme === 'shopify') return signShopify(PLAIN_SECRET, body);
  if (scheme === 'github') return signGithub(PLAIN_SECRET, body);
  return signStandard(CLERK_SECRET, body, { id: `msg_${dice.below(1e9)}`, seconds: nowSeconds });
}

const BODIES: Record<string, Mutation> = {
  'a bit of the body flipped': ({ headers, body }, dice) => {
    const changed = Buffer.from(body);
    const at = dice.below(changed.length);
    changed[at] = (changed[at] ?? 0) ^ (1 << dice.below(8));
    return { headers, body: changed };
  },
  'a byte more': ({ headers, body }, dice) => ({
    headers,
    body: Buffer.concat([body, Buffer.from([dice.below(256)])]),
  }),
  'a byte less': ({ headers, body }) => ({ headers, body: body.subarray(0, -1) }),
  'no body': ({ headers }) => ({ headers, body: Buffer.alloc(0) }),
  'the same JSON written otherwise': ({ headers, body }, dice) => {
    const value: unknown = JSON.parse(body.toString());
    return { headers, body: Buffer.from(JSON.stringify(value, null, 1 + dice.below(4))) };
  },
  'another charset': ({ headers, body }) => ({ headers, body: Buffer.from(body.toString(), 'utf16le') }),
  'a byte order mark': ({ headers, body }) => ({ headers, body: Buffer.concat([Buffer.from('\ufeff'), body]) }),
  'another person': ({ headers, body }, dice) => ({
    headers,
    body: Buffer.from(body.toString().replace(/"id":\d+/, `"id":${1e9 + dice.below(1e9)}`)),
  }),
};

/** Changes to the value of the signature header; `v` is what stands before the bytes. */
const SIGNATURES: Record<string, (value: string, dice: Dice) => string> = {
  'a character of the signature changed': (value, dice) => {
    const at = value.length - 1 - dice.below(40);
    const other = BASE64.filter((each) => each.toLowerCase() !== value[at]?.toLowerCase());
    return `${value.slice(0, at)}${dice.one(other)}${value.slice(at + 1)}`;
  },
  'a signature cut short': (value, dice) => value.slice(0, -1 - dice.below(10)),
  'a longer signature': (value, dice) => value + dice.one(BASE64),
  'a blank signature': () => ' ',
  'no signature': () => '',
  'the signature in another case': (value) =>
    value === value.toUpperCase() ? value.toLowerCase() : value.toUpperCase(),
  'the signature in quotes': (value) => `"${value}"`,
  'another name before the signature': (value, dice) =>
    `${dice.one(['v1a', 'v2', 'v0', 'sha1', 'V1'])}${value.includes(',') ? ',' : '='}${value.replace(/^(v1,|sha256=)/, '')}`,
  'the signature twice, run together': (value) => value + value,
  'the bytes in another base': (value) => {
    const hex = value.startsWith('sha256=');
    const bytes = hex ? Buffer.from(value.slice(7), 'hex') : Buffer.from(value.replace('v1,', ''), 'base64');
    const spelt = hex ? `sha256=${bytes.toString('base64')}` : bytes.toString('hex');
    return value.startsWith('v1,') ? `v1,${spelt}` : spelt;
  },
  'a percent-encoded signature': (value) => encodeURIComponent(`${value} `),
};

const TIMES: Record<string, Mutation> = {
  'another time': (delivery, dice) => {
    const seconds = Number(headerOf(delivery, 'webhook-timestamp'));
    return withHeader(delivery, 'webhook-timestamp', String(seconds + dice.one([-1, 1]) * (1 + dice.below(600))));
  },
  'a stale time, well signed': (delivery, dice) => resigned(delivery, -301 - dice.below(1e6)),
  'a future time, well signed': (delivery, dice) => resigned(delivery, 301 + dice.below(1e6)),
  'a time that is no number of seconds, well signed': (delivery, dice) => {
    const seconds = headerOf(delivery, 'webhook-timestamp');
    const spelt = dice.one([
      `${seconds}junk`,
      `${seconds}.0`,
      `${seconds}000`,
      `-${seconds}`,
      `+${seconds}`,
      `0x1`,
      '',
    ]);
    return signStandard(CLERK_SECRET, delivery.body, { id: headerOf(delivery, 'webhook-id'), seconds: spelt });
  },
  'another id': (delivery, dice) => withHeader(delivery, 'webhook-id', `msg_${1e9 + dice.below(1e9)}`),
  'an id with a dot, well signed': (delivery, dice) => {
    const seconds = Number(headerOf(delivery, 'webhook-timestamp'));
    return signStandard(CLERK_SECRET, delivery.body, { id: `msg_1.${seconds - dice.below(9)}`, seconds });
  },
  'a part of the signed text moved into the body': ({ headers, body }) => {
    const seconds = headers.find(([name]) => name === 'webhook-timestamp')?.[1] ?? '';
    return withHeader({ headers, body: Buffer.concat([Buffer.from(`${seconds}.`), body]) }, 'webhook-timestamp', '');
  },
  '17 signatures': (delivery) => {
    const value = headerOf(delivery, 'webhook-signature');
    return withHeader(delivery, 'webhook-signature', Array.from({ length: 17 }, () => value).join(' '));
  },
};

function resigned(delivery: WireDelivery, bySeconds: number): WireDelivery {
  const seconds = Number(headerOf(delivery, 'webhook-timestamp')) + bySeconds;
  return signStandard(CLERK_SECRET, delivery.body, { id: headerOf(delivery, 'webhook-id'), seconds });
}

function headersOf(scheme: Scheme): Record<string, Mutation> {
  const name = SIGNATURE_HEADERS[scheme];
  const signed = scheme === 'standard-webhooks' ? ['webhook-id', 'webhook-timestamp', name] : [name];
  return {
    'a signed header left out': ({ headers, body }, dice) => {
      const gone = dice.one(signed);
      return { headers: headers.filter(([given]) => given.toLowerCase() !== gone), body };
    },
    'a signed header twice': (delivery, dice) => {
      const twice = dice.one(signed);
      return { ...delivery, headers: [...delivery.headers, [twice, headerOf(delivery, twice)]] };
    },
    'a signed header under another name': ({ headers, body }, dice) => {
      const other = dice.one(signed);
      return {
        headers: headers.map(([given, value]) => [given.toLowerCase() === other ? `x-${given}` : given, value]),
        body,
      };
    },
    'signed by somebody else': (delivery) =>
      withHeader(delivery, name, headerOf(byAnother(scheme, delivery.body), name)),
  };
}

function byAnother(scheme: Scheme, body: Buffer): WireDelivery {
  if (scheme === 'shopify') return signShopify(OTHER_SECRET, body);
  if (scheme === 'github') return signGithub(OTHER_SECRET, body);
  return signStandard(OTHER_SECRET, body);
}

/** Every mutation of a scheme, by what it does. */
export function mutationsOf(scheme: Scheme): readonly (readonly [what: string, mutate: Mutation])[] {
  const name = SIGNATURE_HEADERS[scheme];
  const signatures = Object.entries(SIGNATURES).map(([what, change]): [string, Mutation] => [
    what,
    (delivery, dice) => withHeader(delivery, name, change(headerOf(delivery, name), dice)),
  ]);
  const times = scheme === 'standard-webhooks' ? Object.entries(TIMES) : [];
  return [...Object.entries(BODIES), ...signatures, ...Object.entries(headersOf(scheme)), ...times];
}

/** The secret that `genuine` signs with. */
export function secretOf(scheme: Scheme): string {
  return scheme === 'standard-webhooks' ? CLERK_SECRET : PLAIN_SECRET;
}
