/** API keys at rest: a SHA-256 each, never the key. */
import { createHash, randomBytes } from 'node:crypto';
import type { Database, Statement, Transaction } from './database.js';
import { decodeCursor, encodeCursor } from './cursor.js';
import type { Page, PageOf } from './cursor.js';
import { newId } from './identifiers.js';

const BOOTSTRAP = 'bootstrap';
/** What every key made here begins with, so that a leaked one is recognized. */
const MADE_PREFIX = 'expunge_';
/** Of a key only this many characters are kept in clear: enough for a person to tell keys apart, nothing to guess by. */
const SHOWN_CHARACTERS = 4;

/** A key as it is found by its hash. */
export interface FoundKey {
  readonly id: string;
  readonly scopes: readonly string[];
  readonly sha256: Buffer;
  /** Neither revoked nor run out. */
  readonly living: boolean;
  /** Its last use was noted a minute ago or longer. */
  readonly useToNote: boolean;
}

/** A key as it is shown: everything but the key itself. */
export interface ApiKeyResource {
  readonly id: string;
  readonly name: string;
  readonly prefix: string;
  readonly scopes: readonly string[];
  /** `key_<id>` of who made it; null for the bootstrap key. */
  readonly createdBy: string | null;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly lastUsedAt: string | null;
  readonly revokedAt: string | null;
}

export function hashApiKey(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/** 256 random bits. */
function newKey(): string {
  return `${MADE_PREFIX}${randomBytes(32).toString('base64url')}`;
}

function shownOf(key: string): string {
  return key.slice(0, (key.startsWith(MADE_PREFIX) ? MADE_PREFIX.length : 0) + SHOWN_CHARACTERS);
}

const FIND_KEY: Statement = {
  name: 'find-api-key',
  text: `select id, scopes, sha256, revoked_at is null and (expires_at is null or expires_at > now()) as living,
      last_used_at is null or last_used_at < now() - interval '1 minute' as "useToNote"
    from api_key where sha256 = $1`,
};

/** The key with this hash, or null. */
export async function findApiKey(database: Database, sha256: Buffer): Promise<FoundKey | null> {
  return (await database.rows<FoundKey>(FIND_KEY, [sha256]))[0] ?? null;
}

const NOTE_USE: Statement = {
  name: 'note-api-key-use',
  text: `update api_key set last_used_at = now()
    where id = $1 and (last_used_at is null or last_used_at < now() - interval '1 minute')`,
};

/** Notes that a key was used just now; at most once a minute, whoever else notes it too. */
export async function noteApiKeyUse(database: Database, id: string): Promise<void> {
  await database.rows(NOTE_USE, [id]);
}

const COLUMNS = `id, name, prefix, scopes, created_by as "createdBy", created_at as "createdAt", expires_at as "expiresAt",
  last_used_at as "lastUsedAt", revoked_at as "revokedAt"`;

interface KeyRow extends Omit<ApiKeyResource, 'createdAt' | 'expiresAt' | 'lastUsedAt' | 'revokedAt'> {
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly lastUsedAt: Date | null;
  readonly revokedAt: Date | null;
}

function toResource(row: KeyRow): ApiKeyResource {
  return {
    id: row.id,
    name: row.name,
    prefix: row.prefix,
    scopes: row.scopes,
    createdBy: row.createdBy,
    createdAt: row.createdAt.toISOString(),
    expiresAt: row.expiresAt?.toISOString() ?? null,
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
    revokedAt: row.revokedAt?.toISOString() ?? null,
  };
}

const INSERT_KEY: Statement = {
  name: 'insert-api-key',
  text: `insert into api_key (id, name, prefix, sha256, scopes, expires_at, created_by) values ($1, $2, $3, $4, $5, $6, $7)
    returning ${COLUMNS}`,
};

export interface NewApiKey {
  readonly name: string;
  readonly scopes: readonly string[];
  readonly expiresAt: Date | null;
}

/** Makes a key. What it gives is the only time that the key itself is seen. */
export async function makeApiKey(
  database: Database,
  wanted: NewApiKey,
  actor: string,
): Promise<ApiKeyResource & { readonly key: string }> {
  const key = newKey();
  const values = [newId(), wanted.name, shownOf(key), hashApiKey(key), wanted.scopes, wanted.expiresAt, actor];
  const row = (await database.rows<KeyRow>(INSERT_KEY, values))[0];
  if (!row) throw new Error('the key just stored is not there');
  return { ...toResource(row), key };
}

const LIST_KEYS: Statement = {
  name: 'list-api-keys',
  text: `select ${COLUMNS} from api_key where $1::uuid is null or id < $1 order by id desc limit $2`,
};

/** A page of keys, newest first, revoked ones among them. */
export async function listApiKeys(database: Database, page: Page): Promise<PageOf<ApiKeyResource> | 'bad_cursor'> {
  const after = page.cursor === null ? null : decodeCursor(page.cursor);
  if (page.cursor !== null && after === null) return 'bad_cursor';
  const rows = await database.rows<KeyRow>(LIST_KEYS, [after, page.limit + 1]);
  const data = rows.slice(0, page.limit).map(toResource);
  const last = data.at(-1);
  return { data, nextCursor: rows.length > page.limit && last ? encodeCursor(last.id) : null };
}

/** Locked in one order, so that two administrators who revoke each other's keys do not both find another one left. */
const HOLD_ADMIN_KEYS: Statement = {
  name: 'hold-admin-keys',
  text: `select id from api_key where revoked_at is null and 'admin' = any (scopes)
      and expires_at is null order by id for update`,
};
const REVOKE_KEY: Statement = {
  name: 'revoke-api-key',
  text: 'update api_key set revoked_at = coalesce(revoked_at, now()) where id = $1',
};

/** Revokes a key; from the commit on it opens nothing. The last admin key without an end stays: one day nobody could make another. */
export async function revokeApiKey(database: Database, id: string): Promise<'revoked' | 'not_found' | 'last_admin'> {
  return database.transaction(async (tx) => {
    const admins = await tx.rows<{ id: string }>(HOLD_ADMIN_KEYS);
    if (admins.length === 1 && admins[0]?.id === id) return 'last_admin';
    return (await tx.run(REVOKE_KEY, [id])) === 0 ? 'not_found' : 'revoked';
  });
}

/** Several processes may start at once. */
const LOCK_KEYS: Statement = { name: 'lock-api-keys', text: 'lock table api_key in share row exclusive mode' };
const ANY_KEY: Statement = { name: 'any-api-key', text: 'select true as found from api_key limit 1' };
const WAS_REVOKED: Statement = {
  name: 'was-api-key-revoked',
  text: 'select revoked_at is not null as revoked from api_key where sha256 = $1',
};
const REPLACE_BOOTSTRAP: Statement = {
  name: 'replace-bootstrap-key',
  text: 'update api_key set revoked_at = now() where bootstrap and revoked_at is null and sha256 <> $1',
};
const INSERT_BOOTSTRAP: Statement = {
  name: 'insert-bootstrap-key',
  text: `insert into api_key (id, name, prefix, sha256, scopes, bootstrap) values ($1, '${BOOTSTRAP}', $2, $3, '{admin}', true)
    on conflict (sha256) do nothing`,
};

/** `made`: seen this once. `revoked`: the given key was revoked earlier, and stays so. */
export type Bootstrapped =
  { readonly kind: 'made'; readonly key: string } | { readonly kind: 'there' } | { readonly kind: 'revoked' };

/**
 * Makes sure that an admin key exists. `given` (BOOTSTRAP_API_KEY) takes the place of the one before, which is revoked by
 * that; a key that was revoked once opens nothing again and replaces none. Without `given` one is made in a database that
 * holds no key at all.
 */
export async function ensureBootstrapKey(database: Database, given: string | null): Promise<Bootstrapped> {
  return database.transaction(async (tx): Promise<Bootstrapped> => {
    await tx.run(LOCK_KEYS);
    if (given !== null) return replaceBootstrap(tx, given);
    if ((await tx.rows(ANY_KEY)).length > 0) return { kind: 'there' };
    const key = newKey();
    await insertBootstrap(tx, key);
    return { kind: 'made', key };
  });
}

async function replaceBootstrap(tx: Transaction, given: string): Promise<Bootstrapped> {
  const sha256 = hashApiKey(given);
  const known = (await tx.rows<{ revoked: boolean }>(WAS_REVOKED, [sha256]))[0];
  if (known?.revoked === true) return { kind: 'revoked' };
  await tx.run(REPLACE_BOOTSTRAP, [sha256]);
  await insertBootstrap(tx, given);
  return { kind: 'there' };
}

async function insertBootstrap(tx: Transaction, key: string): Promise<void> {
  await tx.run(INSERT_BOOTSTRAP, [newId(), shownOf(key), hashApiKey(key)]);
}
