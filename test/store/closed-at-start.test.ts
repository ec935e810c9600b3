/** A Postgres that is stopped just when a connection to it has come about: the farewell may come with the welcome. */
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { Database, isUnavailable } from '../../src/store/database.js';
import { testDatabase } from '../support/postgres.js';
import type { TestDatabase } from '../support/postgres.js';

const SELECT = { name: 'select-one', text: 'select 1 as one' };
/** ReadyForQuery, idle: the end of every welcome. */
const READY = Buffer.from('Z\0\0\0\u0005I', 'latin1');
const FIELDS = 'SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0';

let postgres: TestDatabase;
let server: Server;
let url: string;
/** How many more connections are ended in the same breath in which they were made. */
let farewells = 0;
beforeAll(async () => {
  postgres = await testDatabase();
  const { host, port, user } = inject('postgres');
  server = createServer((client) => {
    const upstream = connect(join(host, `.s.PGSQL.${port}`));
    client.pipe(upstream);
    let welcome = Buffer.alloc(0);
    upstream.on('data', (chunk: Buffer) => {
      welcome = Buffer.concat([welcome, chunk]);
      if (farewells === 0 || !welcome.subarray(-READY.length).equals(READY)) return void client.write(chunk);
      farewells -= 1;
      client.end(Buffer.concat([chunk, fatal()]));
    });
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
    client.on('close', () => upstream.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port: own } = server.address() as AddressInfo;
  const { pathname } = new URL(postgres.url);
  url = `postgresql://${user}@127.0.0.1:${own}${pathname}?sslmode=disable`;
});
afterAll(async () => {
  server.close();
  await postgres.close();
});

function fatal(): Buffer {
  const head = Buffer.from('E\0\0\0\0', 'latin1');
  head.writeInt32BE(FIELDS.length + 4, 1);
  return Buffer.concat([head, Buffer.from(FIELDS, 'latin1')]);
}

it.each([
  ['a transaction', async (database: Database) => database.transaction(async (tx) => tx.rows(SELECT))],
  ['a statement', async (database: Database) => database.rows(SELECT)],
])('%s says that the database is away, the process lives, and the next one goes through', async (_, work) => {
  const database = Database.open(url, 2, () => undefined);
  farewells = 1;
  const failure = await work(database).then(
    () => null,
    (error: unknown) => error,
  );
  expect(isUnavailable(failure)).toBe(true);
  expect(await work(database)).toEqual([{ one: 1 }]);
  await database.close();
});
