/** Finds the caller by the API key of a request. */
import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Database } from '../store/database.js';
import { findApiKey, hashApiKey } from '../store/api-keys.js';
import type { Caller } from './caller.js';
import { headerValues } from './idempotency-key.js';
import { Problem } from './problem.js';

/**
 * The caller by its `Authorization: Bearer` header (RFC 6750). Keys are kept as SHA-256 only, and looked up by it, so
 * that no comparison takes longer for a better guess. Throws the same Problem 401 for no key, no such key and one that
 * has run out, and a 400 for two headers.
 */
export async function authenticate(database: Database, message: IncomingMessage, nowMs: number): Promise<Caller> {
  const values = headerValues(message.rawHeaders, 'authorization');
  if (values.length > 1) throw new Problem('authorization_repeated', 'Send one Authorization header.');
  const secret = /^Bearer +(.+)$/i.exec(values[0]?.trim() ?? '')?.[1];
  if (secret === undefined) throw refused();
  const sha256 = hashApiKey(secret);
  const key = await findApiKey(database, sha256);
  if (key === null || !timingSafeEqual(key.sha256, sha256)) throw refused();
  if (key.expiresAt !== null && key.expiresAt.getTime() <= nowMs) throw refused();
  return { actor: `key_${key.id}`, scopes: new Set(key.scopes) };
}

function refused(): Problem {
  return new Problem('unauthorized', 'Send a valid API key as Authorization: Bearer KEY.');
}
