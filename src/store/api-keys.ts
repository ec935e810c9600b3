/** API keys at rest: a SHA-256 each, never the key. */
import { createHash, randomBytes } from 'node:crypto';
import type { Database, Statement } from './database.js';
import { newId } from './identifiers.js';

const BOOTSTRAP = 'bootstrap';
const PREFIX_CHARACTERS = 8;

export interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly expiresAt: Date | null;
  readonly sha256: Buffer;
}

export function hashApiKey(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/** The key with this hash, or null. */
export async function findApiKey(database: Database, sha256: Buffer): Promise<ApiKey | null> {
  const row = await database.prisma.apiKey.findUnique({ where: { sha256: new Uint8Array(sha256) } });
  return row === null ? null : { ...row, sha256: Buffer.from(row.sha256) };
}

/** One statement: several processes may start at once. */
const SAVE_BOOTSTRAP_KEY: Statement = {
  name: 'save-bootstrap-key',
  text: `insert into api_key (id, name, prefix, sha256, scopes) values ($1, $2, $3, $4, $5)
    on conflict (name) do update set prefix = excluded.prefix, sha256 = excluded.sha256, scopes = excluded.scopes`,
};

/**
 * Makes sure that an admin key exists. `given` (BOOTSTRAP_API_KEY) replaces the one before; without it one is made at the
 * first start and given back, the only time it is ever seen. Null when there was one already.
 */
export async function ensureBootstrapKey(database: Database, given: string | null): Promise<string | null> {
  const made = given ?? `expunge_${randomBytes(32).toString('base64url')}`;
  const row = {
    prefix: made.slice(0, PREFIX_CHARACTERS),
    sha256: new Uint8Array(hashApiKey(made)),
    scopes: ['admin'],
  };
  if (given !== null) {
    await database.rows(SAVE_BOOTSTRAP_KEY, [newId(), BOOTSTRAP, row.prefix, row.sha256, row.scopes]);
    return null;
  }
  const { count } = await database.prisma.apiKey.createMany({
    data: [{ id: newId(), name: BOOTSTRAP, ...row }],
    skipDuplicates: true,
  });
  return count === 1 ? made : null;
}
