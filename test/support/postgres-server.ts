/**
 * vitest's globalSetup: one embedded Postgres for the whole run, in a temporary folder, with one database that holds
 * the migrated schema and BullMQ's, so that no service has to make them again. Tests get copies of it through
 * `testDatabase` of postgres.ts; that a service makes both in an empty one is for the demo and the embedded database.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'pg';
import type { TestProject } from 'vitest/node';
import { postgresBackend } from '../../src/queue/queue-backend.js';
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
  const queue = await postgresBackend(server.url, () => undefined);
  await queue.close();
  project.provide('postgres', server.connection);
}

export async function teardown(): Promise<void> {
  await server?.stop();
  if (dataDir !== null) await rm(dataDir, { recursive: true, force: true });
}
