/**
 * Brings the schema up to date when the service starts, without the Prisma CLI, whose engine is a download. It keeps
 * Prisma's own ledger (`_prisma_migrations`, the same checksums, the same advisory lock), so that an operator may use
 * `prisma migrate deploy` as well, before or after.
 */
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Pool, PoolClient } from 'pg';

/** The lock that Prisma's own engine takes. */
const ADVISORY_LOCK_KEY = 72_707_369;

const CREATE_LEDGER = `
  CREATE TABLE IF NOT EXISTS _prisma_migrations (
    id                  VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum            VARCHAR(64) NOT NULL,
    finished_at         TIMESTAMPTZ,
    migration_name      VARCHAR(255) NOT NULL,
    logs                TEXT,
    rolled_back_at      TIMESTAMPTZ,
    started_at          TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count INTEGER NOT NULL DEFAULT 0
  )`;

/** The database's history and ours do not fit. The message is one line that says how. */
export class MigrationError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MigrationError';
  }
}

/** `behind`: migrations are still to be applied. `ahead`: the database knows some that this version does not. */
export type SchemaState = 'current' | 'behind' | 'ahead';

interface Migration {
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

interface LedgerRow {
  readonly migration_name: string;
  readonly checksum: string;
  readonly finished: boolean;
}

/** The migrations of this package, the same from its sources and from its build. */
export function packagedMigrationsDir(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new MigrationError('The package root was not found above the migration runner');
    folder = parent;
  }
  return join(folder, 'prisma', 'migrations');
}

/**
 * Applies what is missing, in the order of the folders' names, each migration in a transaction of its own together
 * with its line in the ledger. Several processes may call it at once: one works, the others wait and find it done.
 * @returns the names of those applied by this call
 * @throws {MigrationError} when an applied migration was edited, removed, has failed, or does not apply
 */
export async function migrate(
  pool: Pool,
  migrationsDir: string = packagedMigrationsDir(),
): Promise<{ applied: string[] }> {
  const migrations = readMigrations(migrationsDir);
  const client = await pool.connect();
  let locked = false;
  try {
    await client.query('SELECT pg_advisory_lock($1)', [ADVISORY_LOCK_KEY]);
    locked = true;
    await client.query(CREATE_LEDGER);
    const missing = compare(migrations, await readLedger(client));
    for (const migration of missing) await apply(client, migration);
    return { applied: missing.map(({ name }) => name) };
  } finally {
    // A connection that does not answer is thrown away, and the server frees its lock.
    const unlocked =
      locked &&
      (await client.query('SELECT pg_advisory_unlock($1)', [ADVISORY_LOCK_KEY]).then(
        () => true,
        () => false,
      ));
    client.release(!unlocked);
  }
}

/** Where the database stands against this package's migrations, for readiness. Changes nothing, waits for no lock. */
export async function schemaState(pool: Pool, migrationsDir: string = packagedMigrationsDir()): Promise<SchemaState> {
  const migrations = readMigrations(migrationsDir);
  const found = await pool.query<{ ledger: string | null }>(`SELECT to_regclass('_prisma_migrations')::text AS ledger`);
  const rows = (found.rows[0]?.ledger ?? null) === null ? [] : await readLedger(pool);
  const known = new Set(migrations.map(({ name }) => name));
  if (rows.some((row) => !known.has(row.migration_name))) return 'ahead';
  const applied = new Set(rows.filter((row) => row.finished).map((row) => row.migration_name));
  return migrations.every(({ name }) => applied.has(name)) ? 'current' : 'behind';
}

function readMigrations(migrationsDir: string): Migration[] {
  return readdirSync(migrationsDir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort()
    .map((name) => {
      const bytes = readFileSync(join(migrationsDir, name, 'migration.sql'));
      return { name, sql: bytes.toString('utf8'), checksum: createHash('sha256').update(bytes).digest('hex') };
    });
}

/** Lines that were rolled back by hand (`prisma migrate resolve`) are history, not state. */
async function readLedger(client: Pick<PoolClient, 'query'>): Promise<LedgerRow[]> {
  const { rows } = await client.query<LedgerRow>(
    `SELECT migration_name, checksum, finished_at IS NOT NULL AS finished
     FROM _prisma_migrations WHERE rolled_back_at IS NULL ORDER BY started_at, migration_name`,
  );
  return rows;
}

function compare(migrations: readonly Migration[], rows: readonly LedgerRow[]): Migration[] {
  const byName = new Map(migrations.map((migration) => [migration.name, migration]));
  for (const row of rows) {
    const migration = byName.get(row.migration_name);
    if (migration === undefined) {
      throw new MigrationError(
        `The database is ahead of this version: it has the migration ${row.migration_name}, which is unknown here`,
      );
    }
    if (!row.finished) {
      throw new MigrationError(
        `The migration ${row.migration_name} has failed in this database: repair it and mark it with prisma migrate resolve`,
      );
    }
    if (migration.checksum !== row.checksum) {
      throw new MigrationError(
        `The migration ${row.migration_name} was edited after it had been applied to this database`,
      );
    }
  }
  const applied = new Set(rows.map((row) => row.migration_name));
  const missing = migrations.filter(({ name }) => !applied.has(name));
  const last = migrations.findLast(({ name }) => applied.has(name));
  const between = missing.find(({ name }) => last !== undefined && name < last.name);
  if (between !== undefined && last !== undefined) {
    throw new MigrationError(
      `The migration ${between.name} is missing in this database, though the later ${last.name} is applied`,
    );
  }
  return missing;
}

async function apply(client: PoolClient, migration: Migration): Promise<void> {
  try {
    await client.query('BEGIN');
    await client.query(migration.sql);
    await client.query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
       VALUES ($1, $2, $3, now(), clock_timestamp(), 1)`,
      [randomUUID(), migration.checksum, migration.name],
    );
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    const why = error instanceof Error ? error.message : String(error);
    throw new MigrationError(`The migration ${migration.name} does not apply: ${why}`, { cause: error });
  }
}
