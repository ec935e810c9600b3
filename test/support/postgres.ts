/** Databases for tests: real ones, each its own, copied from the migrated schema of the run's server. */
import { randomBytes } from 'node:crypto';
import { Client, Pool } from 'pg';
import { inject } from 'vitest';

export interface TestDatabase {
  /** For whoever connects on its own: a child process, Prisma, BullMQ. */
  readonly url: string;
  readonly pool: Pool;
  /** Ends the pool and drops the database, whoever is still connected to it. */
  close(): Promise<void>;
}

/** A fresh database with the schema and no rows. */
export function testDatabase(): Promise<TestDatabase> {
  return database(inject('postgres').database);
}

/** A database without anything, for tests of the migrations themselves. */
export function emptyDatabase(): Promise<TestDatabase> {
  return database('template0');
}

async function database(template: string): Promise<TestDatabase> {
  const server = inject('postgres');
  const name = `test_${randomBytes(8).toString('hex')}`;
  await asAdmin(`CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY FILE_COPY`);
  // As the service's own pool, so that tests of its verbs send their statements together too.
  const pool = new Pool({ ...server, database: name, max: 10, pipeline: true });
  // Dropped with the database.
  pool.on('error', () => undefined);
  return {
    url: `postgresql://${server.user}@localhost:${server.port}/${name}?host=${encodeURIComponent(server.host)}&sslmode=disable`,
    pool,
    close: async () => {
      if (!pool.ended) await pool.end();
      await asAdmin(`DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

async function asAdmin(statement: string): Promise<void> {
  const client = new Client({ ...inject('postgres'), database: 'postgres' });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
