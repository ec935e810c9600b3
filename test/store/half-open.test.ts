import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { Database, isUnavailable } from '../../src/store/database.js';
import { TcpProxy } from '../faults/tcp-proxy.js';
import { testDatabase } from '../support/postgres.js';
import type { TestDatabase } from '../support/postgres.js';

const ANSWER_WITHIN_MS = 400;
const SELECT = { name: 'select-one', text: 'select 1 as one' };

let postgres: TestDatabase;
let proxy: TcpProxy;
let database: Database;
beforeAll(async () => {
  postgres = await testDatabase();
  const { host, port, user } = inject('postgres');
  proxy = new TcpProxy(() => ({ path: join(host, `.s.PGSQL.${port}`) }));
  await proxy.open();
  const { pathname } = new URL(postgres.url);
  const url = `postgresql://${user}@127.0.0.1:${proxy.address.port}${pathname}?sslmode=disable`;
  database = Database.open(url, 2, () => undefined, ANSWER_WITHIN_MS);
});
afterAll(async () => {
  await proxy.close();
  await postgres.close();
});

it('a transaction on a connection that nobody answers any more ends, and the next one gets another', async () => {
  await database.transaction(async (tx) => {
    await tx.rows(SELECT);
  });
  proxy.blackhole();
  proxy.heal();
  const failure = await database
    .transaction(async (tx) => tx.rows(SELECT))
    .then(
      () => null,
      (error: unknown) => error,
    );
  expect(failure).toBeInstanceOf(Error);
  expect(isUnavailable(failure)).toBe(true);
  expect(await database.transaction(async (tx) => tx.rows(SELECT))).toEqual([{ one: 1 }]);
});

it('the database is closed although a connection of its pool is dead', async () => {
  await database.transaction(async (tx) => {
    await tx.rows(SELECT);
  });
  proxy.blackhole();
  const beganMs = performance.now();
  await database.close();
  expect(performance.now() - beganMs).toBeLessThan(10_000);
}, 15_000);
