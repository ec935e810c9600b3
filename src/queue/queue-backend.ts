/** Where BullMQ keeps its jobs: Redis when there is one, else the same Postgres. Nothing is lost with either. */
import { BullModule } from '@nestjs/bullmq';
import { createPostgresBackend, Queue, runMigrations, withBackend, Worker } from 'bullmq';
import type { RedisOptions } from 'bullmq';
import { openPool } from '../store/database.js';

const RECONNECT_MAX_MS = 2000;
/** A Redis that hangs is as good as gone. */
const COMMAND_MS = 2000;
/** One slot a listener, and some to fetch and finish jobs with. */
const POOL_CONNECTIONS = 16;
const SCHEMA = 'bullmq';

export interface QueueBackend {
  readonly kind: 'redis' | 'postgres';
  /** What queues connect with: a command fails at once while the queue is away, rather than pile up. */
  readonly producer: object;
  /** What workers connect with: they wait for the queue to come back. */
  readonly consumer: object;
  /** Ends what this backend opened. The queues and workers must be closed before. */
  close(): Promise<void>;
}

/** BullMQ on Redis. Does not wait for it: a Redis that is down makes a late start, not a failed one. */
export function redisBackend(url: string): QueueBackend {
  BullModule.queueClass = Queue;
  BullModule.workerClass = Worker;
  const retryStrategy = (tries: number) => Math.min(tries * 100, RECONNECT_MAX_MS);
  const server = redisOptions(url);
  return {
    kind: 'redis',
    producer: {
      ...server,
      retryStrategy,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 1,
      commandTimeout: COMMAND_MS,
    },
    consumer: { ...server, retryStrategy, maxRetriesPerRequest: null },
    close: () => Promise.resolve(),
  };
}

/** BullMQ's Postgres backend, in a schema of its own beside the tables of the service. */
export async function postgresBackend(url: string, onIdleError: (error: Error) => void): Promise<QueueBackend> {
  const pool = openPool(
    url,
    POOL_CONNECTIONS,
    `-c search_path=${SCHEMA} -c synchronous_commit=off -c jit=off -c plan_cache_mode=force_generic_plan`,
    onIdleError,
  );
  // Every queue and worker listens for itself.
  pool.setMaxListeners(0);
  const client = await pool.connect();
  try {
    await runMigrations(client, SCHEMA);
  } finally {
    client.release();
  }
  const classes = withBackend(createPostgresBackend);
  BullModule.queueClass = classes.Queue;
  BullModule.workerClass = classes.Worker;
  return { kind: 'postgres', producer: pool, consumer: pool, close: async () => pool.end() };
}

function redisOptions(url: string): RedisOptions {
  const { hostname, port, username, password, pathname, protocol } = new URL(url);
  const db = pathname.length > 1 ? Number(pathname.slice(1)) : 0;
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? 6379 : Number(port),
    db,
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
    ...(protocol === 'rediss:' ? { tls: {} } : {}),
  };
}
