/** Where BullMQ keeps its jobs: Redis when there is one, else the same Postgres. Nothing is lost with either. */
import { BullModule } from '@nestjs/bullmq';
import { createPostgresBackend, Queue, runMigrations, withBackend, Worker } from 'bullmq';
import type { Log } from '../erasure/workplace.js';
import { closePool, openPool } from '../store/database.js';
import { readRedisState } from './redis-state.js';
import type { RedisServer, RedisState } from './redis-state.js';

const RECONNECT_MAX_MS = 2000;
/** A Redis that hangs is as good as gone. */
const COMMAND_MS = 2000;
/** One slot a listener, and some to fetch and finish jobs with. */
const POOL_CONNECTIONS = 16;
/** A Redis may come late, or come back as another. */
const LOOK_EVERY_MS = 5_000;
const SCHEMA = 'bullmq';

export interface QueueBackend {
  readonly kind: 'redis' | 'postgres';
  /** What queues connect with: a command fails at once while the queue is away, rather than pile up. */
  readonly producer: object;
  /** What workers connect with: they wait for the queue to come back. */
  readonly consumer: object;
  /** What was last seen of the Redis; always fine where the queue lives in Postgres. */
  state(): RedisState;
  /** Ends what this backend opened. The queues and workers must be closed before. */
  close(): Promise<void>;
}

/**
 * BullMQ on Redis. Does not wait for it: a Redis that is down makes a late start, not a failed one. It is looked at once
 * before this resolves and every 5 s from then on: one that turns out to be unfit is said so in the log, loudly.
 */
export async function redisBackend(url: string, log: Log): Promise<QueueBackend> {
  BullModule.queueClass = Queue;
  BullModule.workerClass = Worker;
  const retryStrategy = (tries: number) => Math.min(tries * 100, RECONNECT_MAX_MS);
  const server = redisServer(url);
  let state = await readRedisState(server);
  const looking = setInterval(() => {
    void readRedisState(server).then((seen) => {
      const news = JSON.stringify(seen) !== JSON.stringify(state);
      state = seen;
      if (news && seen.kind === 'fine') log.info({}, 'Redis is there');
      if (news && seen.kind === 'away') log.warn({ error: seen.error }, 'Redis is away');
      if (news && seen.kind === 'wrong') log.error({}, `REDIS_URL ${seen.problem}`);
    });
  }, LOOK_EVERY_MS);
  looking.unref();
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
    state: () => state,
    close: () => {
      clearInterval(looking);
      return Promise.resolve();
    },
  };
}

/**
 * BullMQ remembers its first look at Postgres, also one that failed: from then on every query fails at once, and a worker asks
 * for its next job again and again within one turn of the event loop, which then never ends. The tables were made ready
 * before any queue is, so there is nothing to look for.
 */
export const postgresQueues = withBackend((...given: Parameters<typeof createPostgresBackend>) => {
  const backend = createPostgresBackend(...given);
  backend.connection.waitUntilReady = () => Promise.resolve();
  return backend;
});

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
  BullModule.queueClass = postgresQueues.Queue;
  BullModule.workerClass = postgresQueues.Worker;
  const fine = { kind: 'fine' } as const;
  return { kind: 'postgres', producer: pool, consumer: pool, state: () => fine, close: async () => closePool(pool) };
}

function redisServer(url: string): RedisServer {
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
