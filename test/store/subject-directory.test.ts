import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Database } from '../../src/store/database.js';
import { forgetCompletedEntries, noteEntryUse, readEntry, replaceEntry } from '../../src/store/subject-directory.js';
import { Vault } from '../../src/store/vault.js';
import { testDatabase } from '../support/postgres.js';
import type { TestDatabase } from '../support/postgres.js';
import { Rows } from './rows.js';

describe('an entry of the subject directory', () => {
  let postgres: TestDatabase;
  let database: Database;
  let vault: Vault;
  let requestId: string;
  beforeAll(async () => {
    postgres = await testDatabase();
    database = Database.open(postgres.url, 8, () => undefined);
    const dataKey = randomBytes(32);
    vault = await Vault.open(database, () => Promise.resolve(dataKey));
  });
  afterAll(async () => {
    await database.close();
    await postgres.close();
  });
  /** Without items a request counts as completed. */
  beforeEach(async () => {
    requestId = await new Rows(postgres.pool).request();
    const { id } = await replaceEntry(database, vault, 'Ann', ['first']);
    await database.transaction((tx) => noteEntryUse(tx, requestId, id));
  });

  const known = async () => (await readEntry(database, vault, 'Ann'))?.targets ?? null;

  it('that is told anew while it is being forgotten is what was told', async () => {
    let replacing: Promise<unknown> = Promise.resolve();
    await database.transaction(async (tx) => {
      await forgetCompletedEntries(tx, [requestId]);
      replacing = replaceEntry(database, vault, 'Ann', ['second']);
    });
    await replacing;
    expect(await known()).toEqual(['second']);
  });

  it('that was told anew is not forgotten for what was known before', async () => {
    await replaceEntry(database, vault, 'Ann', ['first']);
    await database.transaction((tx) => forgetCompletedEntries(tx, [requestId]));
    expect(await known()).toEqual(['first']);
  });

  it('is forgotten only for a request that is completed without a warning', async () => {
    const forget = () => database.transaction((tx) => forgetCompletedEntries(tx, [requestId]));
    await postgres.pool.query("insert into warning (request_id, code, system) values ($1, 'stranger', 'x')", [
      requestId,
    ]);
    await forget();
    expect(await known()).toEqual(['first']);
    await postgres.pool.query('delete from warning');
    await forget();
    expect(await known()).toBeNull();
  });

  it('opens nowhere but in its own place', async () => {
    const other = await replaceEntry(database, vault, 'Bob', ['of Bob']);
    await postgres.pool.query(
      `update directory_entry e set wrapped = o.wrapped, sealed_targets = o.sealed_targets
        from directory_entry o where o.id = $1 and e.id <> o.id`,
      [other.id],
    );
    await expect(known()).rejects.toThrow();
  });
});
