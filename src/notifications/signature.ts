/** Signatures by Standard Webhooks 1.0.0, symmetric (v1). */
import { createHmac, randomBytes } from 'node:crypto';

const SECRET_BYTES = 32;
const SECRET_PREFIX = 'whsec_';

/** A new secret of an endpoint. */
export function makeSecret(): Buffer {
  return randomBytes(SECRET_BYTES);
}

/** The secret as its receiver is given it. */
export function showSecret(secret: Buffer): string {
  return `${SECRET_PREFIX}${secret.toString('base64')}`;
}

/** The three headers of an attempt. `id` is the same for every attempt, `sentAtSeconds` (Unix) is that of this one. */
export function signedHeaders(
  secret: Buffer,
  id: string,
  sentAtSeconds: number,
  body: string,
): Readonly<Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string>> {
  const timestamp = String(Math.floor(sentAtSeconds));
  const signature = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}
