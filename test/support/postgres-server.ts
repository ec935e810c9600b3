/**
 * vitest's globalSetup: one embedded Postgres for the whole run, in a temporary folder, with one database that holds
 * the migrated schema. Tests get copies of it through `testDatabase` of postgres.ts.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'pg';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../src/store/embedded-postgres.js';
import type { EmbeddedPostgres, PostgresConnection } from '../../src/store/embedded-postgres.js';
import { migrate } from '../../src/store/migrate.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** The run's server, with the database that new ones are copied from. */
    postgres: PostgresConnection;
  }
}

let dataDir: string | null = null;
let server: EmbeddedPostgres | null = null;

export async function setup(project: TestProject): Promise<void> {
  dataDir = await mkdtemp(join(tmpdir(), 'expunge-test-'));
  server = await startEmbeddedPostgres({ dataDir, durable: false, log: (line) => console.error(line) });
  const pool = new Pool({ ...server.connection, max: 1 });
  await migrate(pool);
  await pool.end();
  project.provide('postgres', server.connection);
}

export async function teardown(): Promise<void> {
  await server?.stop();
  if (dataDir !== null) await rm(dataDir, { recursive: true, force: true });
}
