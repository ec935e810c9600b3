/**
 * Is this delivery from who shares a secret with us? By Standard Webhooks 1.0.0 (symmetric, `v1`), Shopify's
 * X-Shopify-Hmac-Sha256 and GitHub's X-Hub-Signature-256; all of them HMAC-SHA256 over the bytes as they came.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

export const SCHEMES = ['standard-webhooks', 'shopify', 'github'] as const;
export type Scheme = (typeof SCHEMES)[number];

/** How many secrets of one source count at once: the new one and the one that it replaces. */
export const SECRETS_MAX = 2;
/** A sender signs with each of its secrets; more than this many signatures are an attempt to make us work. */
const SIGNATURES_MAX = 16;
const TOLERANCE_SECONDS = 5 * 60;
const SHA256_BYTES = 32;
const SECRET_BYTES_MIN = 24;
const SECRET_BYTES_MAX = 64;

const SECRET_PREFIX = 'whsec_';
/** One entry of `webhook-signature`; versions that we do not know may stand beside ours. */
const ENTRY = /^(v[0-9]+[a-z]?),([A-Za-z0-9+/]+={0,2})$/;
/** Printable ASCII; a dot would let the signed text be cut elsewhere. */
const SIGNED_ID = /^[\x21-\x2d\x2f-\x7e]{1,256}$/;
const UNSIGNED_ID = /^[\x21-\x7e]{1,256}$/;
const PLAIN_SECRET = /^[\x21-\x7e]{16,256}$/;

/** A delivery as it came: every value of a header by its lower-case name, and the body's bytes. */
export interface Delivery {
  readonly header: (name: string) => readonly string[];
  readonly body: Uint8Array;
}

export type Verdict =
  /** `deliveryId` is null where the scheme signs none and none, or none of any use, was sent. */
  | { readonly ok: true; readonly deliveryId: string | null }
  | { readonly ok: false; readonly reason: 'missing' | 'malformed' | 'stale' | 'mismatch' };

/** True for the schemes whose signature covers neither the delivery's id nor its event: a body may act but once. */
export function signsBodyOnly(scheme: Scheme): boolean {
  return scheme !== 'standard-webhooks';
}

/**
 * The HMAC key that the text of a secret stands for, or null when it is none of this scheme: `whsec_` and 24 to 64 bytes
 * in base64, or for `shopify` and `github` 16 to 256 printable ASCII characters without blanks.
 */
export function secretKey(scheme: Scheme, secret: string): Buffer | null {
  if (scheme !== 'standard-webhooks') return PLAIN_SECRET.test(secret) ? Buffer.from(secret) : null;
  if (!secret.startsWith(SECRET_PREFIX)) return null;
  const key = strictBase64(secret.slice(SECRET_PREFIX.length));
  return key !== null && key.length >= SECRET_BYTES_MIN && key.length <= SECRET_BYTES_MAX ? key : null;
}

/** The text of a secret for random bytes (24 to 64 of them), in the form of its scheme. */
export function secretText(scheme: Scheme, bytes: Buffer): string {
  return scheme === 'standard-webhooks' ? `${SECRET_PREFIX}${bytes.toString('base64')}` : bytes.toString('hex');
}

/**
 * Verifies a delivery against the keys of its source, of which the first two count. `nowMs` is epoch milliseconds. What
 * fails early has the body hashed all the same: the time taken does not tell a known source from an unknown one.
 */
export function verifyDelivery(scheme: Scheme, keys: readonly Buffer[], delivery: Delivery, nowMs: number): Verdict {
  const living = keys.slice(0, SECRETS_MAX);
  const verdict = judge(scheme, living, delivery, nowMs);
  if (!verdict.ok && verdict.reason !== 'mismatch') anyMatches(living, delivery.body, []);
  return verdict;
}

function judge(scheme: Scheme, keys: readonly Buffer[], delivery: Delivery, nowMs: number): Verdict {
  switch (scheme) {
    case 'standard-webhooks':
      return verifyStandard(keys, delivery, nowMs);
    case 'shopify':
      return verifyBody(keys, delivery, {
        signature: strictBase64(one(delivery, 'x-shopify-hmac-sha256')),
        sent: delivery.header('x-shopify-hmac-sha256').length > 0,
        id: one(delivery, 'x-shopify-webhook-id'),
      });
    case 'github':
      return verifyBody(keys, delivery, {
        signature: hexSignature(one(delivery, 'x-hub-signature-256')),
        sent: delivery.header('x-hub-signature-256').length > 0,
        id: one(delivery, 'x-github-delivery'),
      });
  }
}

function verifyStandard(keys: readonly Buffer[], delivery: Delivery, nowMs: number): Verdict {
  const names = ['webhook-id', 'webhook-timestamp', 'webhook-signature'] as const;
  if (names.some((name) => delivery.header(name).length === 0)) return { ok: false, reason: 'missing' };
  const [id, timestamp, list] = names.map((name) => one(delivery, name));
  if (!id || !timestamp || !list || !SIGNED_ID.test(id) || !/^\d+$/.test(timestamp)) {
    return { ok: false, reason: 'malformed' };
  }
  const signatures = signaturesIn(list);
  if (signatures === null) return { ok: false, reason: 'malformed' };
  // Whole seconds on both sides, as the sender counted them.
  if (!(Math.abs(Math.floor(nowMs / 1000) - Number(timestamp)) <= TOLERANCE_SECONDS)) {
    return { ok: false, reason: 'stale' };
  }
  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), delivery.body]);
  return anyMatches(keys, signed, signatures) ? { ok: true, deliveryId: id } : { ok: false, reason: 'mismatch' };
}

interface BodySignature {
  readonly signature: Buffer | null;
  readonly sent: boolean;
  readonly id: string | null;
}

function verifyBody(keys: readonly Buffer[], delivery: Delivery, { signature, sent, id }: BodySignature): Verdict {
  if (!sent) return { ok: false, reason: 'missing' };
  if (signature === null) return { ok: false, reason: 'malformed' };
  if (!anyMatches(keys, delivery.body, [signature])) return { ok: false, reason: 'mismatch' };
  return { ok: true, deliveryId: id !== null && UNSIGNED_ID.test(id) ? id : null };
}

/** The `v1` signatures of the list, or null when the list as a whole is none. */
function signaturesIn(list: string): readonly Buffer[] | null {
  const entries = list.split(' ', SIGNATURES_MAX + 1);
  if (entries.length > SIGNATURES_MAX) return null;
  const signatures: Buffer[] = [];
  for (const entry of entries) {
    const [, version, text] = ENTRY.exec(entry) ?? [];
    const bytes = strictBase64(text ?? null);
    if (version === undefined || bytes === null) return null;
    if (version !== 'v1') continue;
    if (bytes.length !== SHA256_BYTES) return null;
    signatures.push(bytes);
  }
  return signatures;
}

/** Every pair is compared, so that the time taken says nothing about which one was near. */
function anyMatches(keys: readonly Buffer[], signed: Uint8Array, signatures: readonly Buffer[]): boolean {
  let matches = false;
  for (const key of keys) {
    const expected = createHmac('sha256', key).update(signed).digest();
    for (const signature of signatures) {
      if (signature.length === expected.length && timingSafeEqual(signature, expected)) matches = true;
    }
  }
  return matches;
}

/** The header's value, or null where it is missing or stands more than once: a second one could be meant for others. */
function one(delivery: Delivery, name: string): string | null {
  const [value, ...more] = delivery.header(name);
  return value === undefined || more.length > 0 ? null : value;
}

/** The bytes of canonical base64 (RFC 4648, 4: padded, no other characters, no stray bits), or null. */
function strictBase64(text: string | null): Buffer | null {
  if (text === null || text === '') return null;
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : null;
}

function hexSignature(header: string | null): Buffer | null {
  const hex = /^sha256=([0-9a-f]{64})$/.exec(header ?? '')?.[1];
  return hex === undefined ? null : Buffer.from(hex, 'hex');
}
