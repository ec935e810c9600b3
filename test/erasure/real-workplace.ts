/** A workplace on a real database with the real systems, none of which sends anything. */
import { randomBytes } from 'node:crypto';
import type { QueryResultRow } from 'pg';
import { Workplace } from '../../src/erasure/workplace.js';
import type { ConfiguredSystem } from '../../src/erasure/workplace.js';
import { Database } from '../../src/store/database.js';
import { ensureGates } from '../../src/store/gates.js';
import { Vault } from '../../src/store/vault.js';
import { SYSTEMS } from '../../src/systems/registry.js';
import { readTarget } from '../../src/systems/target.js';
import type { ReadTarget } from '../../src/systems/target.js';
import { testDatabase } from '../support/postgres.js';

export const SETTINGS = {
  providerTimeoutMs: 30_000,
  leaseMarginMs: 15_000,
  batchLingerMs: 200,
  retryBaseMs: 1000,
  retryMaxAttempts: 8,
  retentionDays: null,
  allowPrivateEndpoints: false,
};

export const CONFIGURED: ReadonlyMap<string, ConfiguredSystem> = new Map(
  SYSTEMS.map((system) => [
    system.name,
    {
      system,
      provider: { name: system.provider.name, concurrency: 8, callsPerMinute: null },
      configured: true,
      idsPerCall: system.provider.idsPerCallMax,
      credentialsDigest: null,
      send: () => Promise.reject(new Error('nothing is sent here')),
    },
  ]),
);

export interface RealWorkplace {
  readonly workplace: Workplace;
  query<R extends QueryResultRow>(text: string, values?: readonly unknown[]): Promise<R[]>;
  close(): Promise<void>;
}

export async function realWorkplace(): Promise<RealWorkplace> {
  const postgres = await testDatabase();
  // Dropping the database may end a connection that is just being closed.
  postgres.pool.on('error', () => undefined);
  const database = new Database(postgres.pool);
  const dataKey = randomBytes(32);
  const vault = await Vault.open(database, () => Promise.resolve(dataKey));
  await ensureGates(
    database,
    SYSTEMS.map((system) => ({ name: system.name, provider: system.provider.name })),
  );
  const quiet = () => undefined;
  const workplace = new Workplace(
    database,
    vault,
    CONFIGURED,
    SETTINGS,
    { ring: quiet },
    { info: quiet, warn: quiet, error: quiet },
    { observe: quiet },
  );
  return {
    workplace,
    query: async <R extends QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<R[]> => {
      const { rows } = await postgres.pool.query<R>(text, [...values]);
      return rows;
    },
    close: async () => {
      await database.prisma.$disconnect();
      await postgres.close();
    },
  };
}

/** A target as the API reads it. */
export function target(value: object): ReadTarget {
  const reading = readTarget(value);
  if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
  return reading.target;
}
