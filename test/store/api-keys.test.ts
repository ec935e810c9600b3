import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureBootstrapKey, findApiKey, hashApiKey } from '../../src/store/api-keys.js';
import { Database } from '../../src/store/database.js';
import { testDatabase } from '../support/postgres.js';
import type { TestDatabase } from '../support/postgres.js';

describe('the bootstrap key', () => {
  let postgres: TestDatabase;
  let database: Database;
  beforeAll(async () => {
    postgres = await testDatabase();
    database = Database.open(postgres.url, 8, () => undefined);
  });
  afterAll(async () => {
    await database.close();
    await postgres.close();
  });

  it('is set by many processes that start at once, and replaced by another', async () => {
    for (const key of ['a'.repeat(40), 'b'.repeat(40)]) {
      await Promise.all(Array.from({ length: 16 }, () => ensureBootstrapKey(database, key)));
      expect(await findApiKey(database, hashApiKey(key))).toMatchObject({ name: 'bootstrap', scopes: ['admin'] });
    }
    expect(await findApiKey(database, hashApiKey('a'.repeat(40)))).toBeNull();
  });

  it('is not made where one is there', async () => {
    expect(await ensureBootstrapKey(database, null)).toBeNull();
  });
});
