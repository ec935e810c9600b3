/** A ledger on a database of its own, written and sealed without a service around it. */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { appendEvents } from '../../src/ledger/append.js';
import { Sealer } from '../../src/ledger/seal.js';
import { Database } from '../../src/store/database.js';
import { testDatabase } from '../support/postgres.js';
import type { TestDatabase } from '../support/postgres.js';

const quiet = () => undefined;
export const makeKey = (): string =>
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

export interface TestLedger {
  readonly postgres: TestDatabase;
  readonly database: Database;
  /** Every refusal that the sealer reported. */
  readonly refusals: (string | null)[];
  open(key: string, next?: string | null): Promise<Sealer>;
  /** Appends so many events to each of so many streams; gives the streams. */
  write(streams: number, each: number): Promise<string[]>;
  close(): Promise<void>;
}

export async function testLedger(): Promise<TestLedger> {
  const postgres = await testDatabase();
  const database = Database.open(postgres.url, 6, quiet);
  const refusals: (string | null)[] = [];
  return {
    postgres,
    database,
    refusals,
    open: (key, next = null) =>
      Sealer.open(
        database,
        { current: () => Promise.resolve(key), next },
        { refused: (why) => refusals.push(why), failed: quiet },
      ),
    write: async (streams, each) => {
      const names = Array.from({ length: streams }, () => randomUUID());
      await database.transaction(async (tx) => {
        for (let no = 1; no <= each; no += 1) {
          const events = names.map((stream) => ({ stream, type: 'exported', actor: 'test', data: { no } }) as const);
          await appendEvents(tx, events);
        }
      });
      return names;
    },
    close: async () => {
      await database.close();
      await postgres.close();
    },
  };
}
