/** Both places where BullMQ may keep its jobs, so that one suite runs over each. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { describeRedis } from './redis.js';
import { startRedis } from './redis-server.js';
import type { PrivateRedis } from './redis-server.js';
import type { TestDatabase } from './postgres.js';
import { dumpSchema } from './dump.js';

/** Redis's own default. */
const REDIS_DATABASES = 16;

export interface TestQueue {
  readonly kind: 'postgres' | 'redis';
  /** The variables that choose it; with Redis, a numbered database that the calls before did not get. */
  env(): Readonly<Record<string, string>>;
  /** Everything that the queue ever wrote (Redis), or holds now (Postgres), as text. */
  dump(database: TestDatabase): Promise<string>;
}

export const POSTGRES_QUEUE: TestQueue = {
  kind: 'postgres',
  env: () => ({}),
  dump: (database) => dumpSchema(database.pool, 'bullmq'),
};

/** Runs a suite twice, with the jobs in Postgres and with the jobs in a private Redis. */
export function describeQueues(name: string, suite: (queue: TestQueue) => void): void {
  describe(`${name}, jobs in Postgres`, () => {
    suite(POSTGRES_QUEUE);
  });
  describeRedis(`${name}, jobs in Redis`, () => {
    let redis: PrivateRedis | null = null;
    let taken = 0;
    beforeAll(async () => {
      redis = await startRedis();
    });
    afterAll(async () => redis?.stop());
    const running = (): PrivateRedis => {
      if (redis === null) throw new Error('the private Redis runs only inside the tests');
      return redis;
    };
    suite({
      kind: 'redis',
      env: () => ({ REDIS_URL: `${running().url}/${taken++ % REDIS_DATABASES}` }),
      dump: () => Promise.resolve(appendOnlyFile(running().dir)),
    });
  });
}

/** Every command that Redis executed, with its arguments, as it wrote them down. */
function appendOnlyFile(dir: string): string {
  const folder = join(dir, 'appendonlydir');
  return readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'latin1'))
    .join('\n');
}
