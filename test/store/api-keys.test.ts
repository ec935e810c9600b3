import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ensureBootstrapKey,
  findApiKey,
  hashApiKey,
  listApiKeys,
  makeApiKey,
  noteApiKeyUse,
  revokeApiKey,
} from '../../src/store/api-keys.js';
import { Database } from '../../src/store/database.js';
import { testDatabase } from '../support/postgres.js';
import type { TestDatabase } from '../support/postgres.js';

let postgres: TestDatabase;
let database: Database;
beforeEach(async () => {
  postgres = await testDatabase();
  database = Database.open(postgres.url, 16, () => undefined);
});
afterEach(async () => {
  await database.close();
  await postgres.close();
});

const living = async (key: string) => (await findApiKey(database, hashApiKey(key)))?.living ?? null;
const [A, B] = ['a'.repeat(40), 'b'.repeat(40)];

describe('the bootstrap key', () => {
  it('is set by many processes that start at once, and replaced by another', async () => {
    for (const key of [A, B]) {
      await Promise.all(Array.from({ length: 16 }, () => ensureBootstrapKey(database, key)));
      expect(await findApiKey(database, hashApiKey(key))).toMatchObject({ living: true, scopes: ['admin'] });
    }
    expect(await living(A)).toBe(false);
    expect((await postgres.pool.query('select from api_key')).rowCount).toBe(2);
  });

  it('that was revoked opens nothing again, and takes nobody the key that stands', async () => {
    await ensureBootstrapKey(database, A);
    await ensureBootstrapKey(database, B);
    expect(await ensureBootstrapKey(database, A)).toEqual({ kind: 'revoked' });
    expect([await living(A), await living(B)]).toEqual([false, true]);
  });

  it('is made once by many processes that start at once on an empty database, and not where a key is there', async () => {
    const made = await Promise.all(Array.from({ length: 8 }, () => ensureBootstrapKey(database, null)));
    const keys = made.flatMap((one) => (one.kind === 'made' ? [one.key] : []));
    expect(keys).toHaveLength(1);
    expect(await living(keys[0] ?? '')).toBe(true);
    expect(await ensureBootstrapKey(database, null)).toEqual({ kind: 'there' });
  });
});

describe('keys', () => {
  const wanted = { name: 'ci', scopes: ['requests:write'], expiresAt: null };

  it('stand in the database as a SHA-256 and a few characters to know them by', async () => {
    const made = await makeApiKey(database, wanted, 'key_me');
    expect(made.key).toMatch(/^expunge_[\w-]{43}$/);
    expect(made.key.startsWith(made.prefix)).toBe(true);
    expect(made.prefix).toHaveLength('expunge_'.length + 4);
    const { rows } = await postgres.pool.query('select k::text as row from api_key k');
    expect(JSON.stringify(rows)).not.toContain(made.key.slice(made.prefix.length));
  });

  it('have their use noted at most once a minute', async () => {
    const { id, key } = await makeApiKey(database, wanted, 'key_me');
    const lastUsed = async () =>
      (await postgres.pool.query<{ at: Date }>('select last_used_at as at from api_key where id = $1', [id])).rows[0]
        ?.at;
    expect(await findApiKey(database, hashApiKey(key))).toMatchObject({ useToNote: true });
    await noteApiKeyUse(database, id);
    const first = await lastUsed();
    expect(first).toBeInstanceOf(Date);
    expect(await findApiKey(database, hashApiKey(key))).toMatchObject({ useToNote: false });
    await noteApiKeyUse(database, id);
    expect(await lastUsed()).toEqual(first);
    await postgres.pool.query("update api_key set last_used_at = now() - interval '61 seconds'");
    expect(await findApiKey(database, hashApiKey(key))).toMatchObject({ useToNote: true });
  });

  it('are listed newest first, page by page', async () => {
    const ids: string[] = [];
    for (let no = 0; no < 5; no += 1) ids.unshift((await makeApiKey(database, wanted, 'key_me')).id);
    const seen: string[] = [];
    for (let cursor: string | null = null, pages = 0; pages < 3; pages += 1) {
      const page = await listApiKeys(database, { limit: 2, cursor });
      if (page === 'bad_cursor') throw new Error(page);
      seen.push(...page.data.map(({ id }) => id));
      cursor = page.nextCursor;
      if (pages === 2) expect(cursor).toBeNull();
    }
    expect(seen).toEqual(ids);
    expect(await listApiKeys(database, { limit: 2, cursor: 'x' })).toBe('bad_cursor');
  });
});

describe('revoking', () => {
  const admin = { name: 'admin', scopes: ['admin'], expiresAt: null };

  it('leaves one of two administrators who revoke each other at once', async () => {
    for (let round = 0; round < 10; round += 1) {
      await postgres.pool.query('delete from api_key');
      const [one, other] = [await makeApiKey(database, admin, 'x'), await makeApiKey(database, admin, 'x')];
      const ends = await Promise.all([revokeApiKey(database, one.id), revokeApiKey(database, other.id)]);
      expect(ends.toSorted()).toEqual(['last_admin', 'revoked']);
    }
  });

  it('does not count an admin key that has run out, or will, as one that is left', async () => {
    const { id } = await makeApiKey(database, admin, 'x');
    await makeApiKey(database, { ...admin, expiresAt: new Date(Date.now() - 1000) }, 'x');
    expect(await revokeApiKey(database, id)).toBe('last_admin');
    await makeApiKey(database, { ...admin, expiresAt: new Date(Date.now() + 60_000) }, 'x');
    expect(await revokeApiKey(database, id)).toBe('last_admin');
    await makeApiKey(database, admin, 'x');
    expect(await revokeApiKey(database, id)).toBe('revoked');
  });
});
