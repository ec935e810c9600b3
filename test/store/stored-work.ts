/** A database with requests and items as a submission leaves them, for tests of what reads and writes them. */
import { createHash, randomBytes } from 'node:crypto';
import type { QueryResultRow } from 'pg';
import { insertItems } from '../../src/store/insert-items.js';
import { Database } from '../../src/store/database.js';
import { newId } from '../../src/store/identifiers.js';
import { Vault } from '../../src/store/vault.js';
import { testDatabase } from '../support/postgres.js';

export interface ItemSeed {
  readonly system?: string;
  readonly kind?: 'id' | 'selector';
  readonly lane?: string;
  readonly externalId?: string;
  readonly group?: string | null;
  readonly scope?: string | null;
  readonly rank?: number;
  readonly warns?: boolean;
}
export interface Key {
  readonly requestId: string;
  readonly id: string;
}
export interface StoredWork {
  readonly database: Database;
  readonly vault: Vault;
  /** A request with these items, due in so many days (30); it has no key and no sealed values. */
  request(items: readonly ItemSeed[], dueInDays?: number): Promise<Key[]>;
  /** Sets columns of items, as SQL text. */
  set(keys: readonly Key[], columns: string): Promise<void>;
  query<R extends QueryResultRow>(text: string, values?: readonly unknown[]): Promise<R[]>;
  close(): Promise<void>;
}

export const bytes = (text: string): Buffer => createHash('sha256').update(text).digest().subarray(0, 16);

const nullOr = (name: string, value: string | null = null) => (value === null ? null : bytes(`${name} ${value}`));

export async function storedWork(): Promise<StoredWork> {
  const postgres = await testDatabase();
  // Dropping the database may end a connection that is just being closed.
  postgres.pool.on('error', () => undefined);
  const database = new Database(postgres.pool);
  const dataKey = randomBytes(32);
  const vault = await Vault.open(database, () => Promise.resolve(dataKey));

  async function request(items: readonly ItemSeed[], dueInDays = 30): Promise<Key[]> {
    const requestId = newId();
    const text = `insert into erasure_request (id, source, actor, received_at, due_at)
      values ($1, 'api', 'test', now(), date_trunc('milliseconds', now() + $2 * interval '1 day')) returning due_at as "dueAt"`;
    const { rows } = await postgres.pool.query<{ dueAt: Date }>(text, [requestId, dueInDays]);
    const dueAt = rows[0]?.dueAt;
    if (!dueAt) throw new Error('no request was made');
    const made = items.map((item, index) => ({ item, id: newId(), index }));
    await database.transaction((tx) =>
      insertItems(tx, [
        {
          id: requestId,
          dueAt,
          held: false,
          groups: made.map(({ item }) => ({
            system: item.system ?? 'a.things',
            kind: item.kind ?? 'id',
            lane: bytes(`lane ${item.lane ?? 'one'}`),
            orderGroup: nullOr('group', item.group),
            orderScope: nullOr('scope', item.scope),
            orderRank: item.rank ?? 0,
            orderWarns: item.warns ?? false,
          })),
          items: made.map(({ item, id, index }) => {
            const digest = bytes(`${item.system} ${item.lane} ${item.externalId ?? id}`);
            return { id, group: index, digest, block: 1, slot: index };
          }),
        },
      ]),
    );
    return made.map(({ id }) => ({ requestId, id }));
  }

  const query = async <R extends QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<R[]> => {
    const { rows } = await postgres.pool.query<R>(text, [...values]);
    return rows;
  };
  return {
    database,
    vault,
    request,
    query,
    set: async (keys, columns) => {
      await query(`update item set ${columns} where id = any ($1::uuid[])`, [keys.map(({ id }) => id)]);
    },
    close: async () => {
      await database.prisma.$disconnect();
      await postgres.close();
    },
  };
}
