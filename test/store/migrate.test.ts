import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrate, MigrationError, packagedMigrationsDir, schemaState } from '../../src/store/migrate.js';
import { emptyDatabase, testDatabase } from '../support/postgres.js';
import type { TestDatabase } from '../support/postgres.js';
import { ROOT } from '../support/source-tree.js';

let database: TestDatabase;
let migrations: string;

beforeEach(async () => {
  database = await emptyDatabase();
  migrations = mkdtempSync(join(tmpdir(), 'expunge-migrations-'));
  writeFileSync(join(migrations, 'migration_lock.toml'), 'provider = "postgresql"\n');
  write('0001_init', 'CREATE TABLE first (a int);\nCREATE INDEX ON first (a);\n');
  write('0002_more', 'CREATE TABLE second (b int);\n');
});
afterEach(async () => {
  await database.close();
  rmSync(migrations, { recursive: true, force: true });
});

function write(name: string, sql: string): void {
  mkdirSync(join(migrations, name), { recursive: true });
  writeFileSync(join(migrations, name, 'migration.sql'), sql);
}

async function column(sql: string): Promise<unknown[]> {
  const { rows } = await database.pool.query<unknown[]>({ text: sql, rowMode: 'array' });
  return rows.flat();
}

const TABLES = `SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> '_prisma_migrations' ORDER BY 1`;

describe('migrate', () => {
  it('applies what is missing, in order, and nothing the second time', async () => {
    rmSync(join(migrations, '0002_more'), { recursive: true });
    expect(await migrate(database.pool, migrations)).toEqual({ applied: ['0001_init'] });
    write('0002_more', 'CREATE TABLE second AS SELECT * FROM first;');
    expect(await migrate(database.pool, migrations)).toEqual({ applied: ['0002_more'] });
    expect(await migrate(database.pool, migrations)).toEqual({ applied: [] });
    expect(await column(TABLES)).toEqual(['first', 'second']);
  });

  it('works once when many processes call it at once', async () => {
    const pools = Array.from({ length: 6 }, () => new Pool({ connectionString: database.url, max: 1 }));
    const results = await Promise.all(pools.map((pool) => migrate(pool, migrations)));
    await Promise.all(pools.map((pool) => pool.end()));
    expect(results.flatMap(({ applied }) => applied)).toEqual(['0001_init', '0002_more']);
  });

  it('writes the ledger as Prisma does', async () => {
    await migrate(database.pool, migrations);
    const { rows } = await database.pool.query(
      'SELECT migration_name, checksum, logs, rolled_back_at, applied_steps_count, finished_at >= started_at AS finished FROM _prisma_migrations ORDER BY 1',
    );
    expect(rows[0]).toEqual({
      migration_name: '0001_init',
      // printf 'CREATE TABLE first (a int);\nCREATE INDEX ON first (a);\n' | sha256sum
      checksum: '0f790698b64668d3a6aa21c5f90d62d5ddb45bd9278e22f0312fd4c6c8027b2d',
      logs: null,
      rolled_back_at: null,
      applied_steps_count: 1,
      finished: true,
    });
    expect(rows).toHaveLength(2);
  });

  it('leaves nothing of a migration that does not apply, keeps those before, and goes on once it is mended', async () => {
    write('0002_more', 'CREATE TABLE second (b int);\nSELECT 1/0;\n');
    await expect(migrate(database.pool, migrations)).rejects.toThrow(
      /^The migration 0002_more does not apply: division by zero$/,
    );
    expect(await column(TABLES)).toEqual(['first']);
    write('0002_more', 'CREATE TABLE second (b int);\n');
    expect(await migrate(database.pool, migrations)).toEqual({ applied: ['0002_more'] });
  });

  it('gives the lock back after a failure', async () => {
    write('0002_more', 'SELECT 1/0;\n');
    await expect(migrate(database.pool, migrations)).rejects.toThrow(MigrationError);
    expect(
      await column(
        `SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      ),
    ).toEqual([0]);
  });

  it('refuses a migration that was edited after it was applied', async () => {
    await migrate(database.pool, migrations);
    write('0001_init', 'CREATE TABLE other (a int);\n');
    await expect(migrate(database.pool, migrations)).rejects.toThrow(
      /^The migration 0001_init was edited after it had been applied to this database$/,
    );
  });

  it('refuses a database that is ahead', async () => {
    await migrate(database.pool, migrations);
    rmSync(join(migrations, '0002_more'), { recursive: true });
    await expect(migrate(database.pool, migrations)).rejects.toThrow(
      /^The database is ahead of this version: it has the migration 0002_more/,
    );
  });

  it('refuses a history with a failed migration, until it is marked as rolled back', async () => {
    await migrate(database.pool, migrations);
    await database.pool.query(`DROP TABLE second`);
    await database.pool.query(`UPDATE _prisma_migrations SET finished_at = NULL WHERE migration_name = '0002_more'`);
    await expect(migrate(database.pool, migrations)).rejects.toThrow(
      /^The migration 0002_more has failed in this database/,
    );
    await database.pool.query(
      `UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name = '0002_more'`,
    );
    expect(await migrate(database.pool, migrations)).toEqual({ applied: ['0002_more'] });
  });

  it('refuses a migration that comes before one already applied', async () => {
    await migrate(database.pool, migrations);
    write('0001_late', 'CREATE TABLE late (a int);\n');
    await expect(migrate(database.pool, migrations)).rejects.toThrow(
      /^The migration 0001_late is missing in this database, though the later 0002_more is applied$/,
    );
  });
});

describe('the state of a schema', () => {
  it('is behind, then current, then ahead', async () => {
    expect(await schemaState(database.pool, migrations)).toBe('behind');
    await migrate(database.pool, migrations);
    expect(await schemaState(database.pool, migrations)).toBe('current');
    write('0003_next', 'SELECT 1;');
    expect(await schemaState(database.pool, migrations)).toBe('behind');
    rmSync(join(migrations, '0003_next'), { recursive: true });
    rmSync(join(migrations, '0002_more'), { recursive: true });
    expect(await schemaState(database.pool, migrations)).toBe('ahead');
  });

  it('is current in the databases of the tests', async () => {
    const copy = await testDatabase();
    expect(await schemaState(copy.pool)).toBe('current');
    await copy.close();
  });
});

describe('the packaged migrations', () => {
  it('are found at the package root', () => {
    expect(packagedMigrationsDir()).toBe(join(ROOT, 'prisma', 'migrations'));
  });

  it('apply to an empty database', async () => {
    const { applied } = await migrate(database.pool);
    expect(applied[0]).toBe('0001_init');
  });
});
