/** The queue of a system as BullMQ sees it, for tests that put into it, or take out of it, what the service never would. */
import { createPostgresBackend, Queue, withBackend } from 'bullmq';
import { Redis } from 'ioredis';
import type { Installation } from './service.js';

export interface JobQueue {
  /** Adds jobs with whatever in them, in this order. */
  add(...data: readonly unknown[]): Promise<void>;
  /** Empties the store of all queues: a flush of Redis, or all tables of BullMQ truncated. */
  empty(): Promise<void>;
  close(): Promise<void>;
}

/** Opens the queue named `name` of an installation whose service has been started once. */
export async function openJobQueue(installation: Installation, name: string): Promise<JobQueue> {
  const url = installation.env['REDIS_URL'];
  return url === undefined ? inPostgres(installation, name) : inRedis(url, name);
}

interface Bulk {
  addBulk(jobs: { name: string; data: unknown; opts: { removeOnComplete: true } }[]): Promise<unknown>;
}

function adder(queue: Bulk): JobQueue['add'] {
  return async (...data) => {
    await queue.addBulk(data.map((each) => ({ name: 'batch', data: each, opts: { removeOnComplete: true } })));
  };
}

function inRedis(url: string, name: string): JobQueue {
  const client = new Redis(url, { maxRetriesPerRequest: null });
  const queue = new Queue(name, { connection: client, prefix: 'expunge' });
  return {
    add: adder(queue),
    empty: async () => void (await client.flushdb()),
    close: async () => {
      await queue.close();
      client.disconnect();
    },
  };
}

async function inPostgres(installation: Installation, name: string): Promise<JobQueue> {
  const PostgresQueue = withBackend(createPostgresBackend).Queue;
  const connection = { connectionString: installation.database.url, options: '-c search_path=bullmq', max: 3 };
  const queue = new PostgresQueue(name, { connection, prefix: 'expunge' });
  const [found] = await installation.sql<{ tables: string }>(
    `select string_agg(format('bullmq.%I', tablename), ', ') as tables from pg_tables
     where schemaname = 'bullmq' and tablename not like '%migration%'`,
  );
  return {
    add: adder(queue),
    empty: async () => void (await installation.sql(`truncate ${found?.tables ?? ''} cascade`)),
    close: async () => queue.close(),
  };
}
