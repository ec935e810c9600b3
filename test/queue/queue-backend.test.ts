/** The queue in Postgres, where Postgres was away in the moment in which a queue first looked at it. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { postgresQueues } from '../../src/queue/queue-backend.js';
import { TcpProxy } from '../faults/tcp-proxy.js';
import { testDatabase } from '../support/postgres.js';
import type { TestDatabase } from '../support/postgres.js';

describe('a queue in Postgres', () => {
  let database: TestDatabase;
  let proxy: TcpProxy;
  let url = '';
  beforeEach(async () => {
    const { host, port, user } = inject('postgres');
    database = await testDatabase();
    proxy = new TcpProxy(() => ({ path: join(host, `.s.PGSQL.${port}`) }));
    await proxy.open();
    url = `postgresql://${user}@127.0.0.1:${proxy.address.port}${new URL(database.url).pathname}?sslmode=disable`;
  });
  afterEach(async () => {
    await proxy.close();
    await database.close();
  });

  it('that finds it away at first asks anew each time, and works once it is there', async () => {
    await proxy.close();
    const queue = new postgresQueues.Queue('late', { connection: { connectionString: url, schema: 'bullmq' } });
    queue.on('error', () => undefined);
    await expect(queue.getJobCounts('waiting')).rejects.toThrow();
    await proxy.open();
    expect(await queue.getJobCounts('waiting')).toEqual({ waiting: 0 });
    await queue.close();
  });
});
