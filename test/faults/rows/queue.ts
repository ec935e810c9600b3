/** Rows 17 to 20 and 23: the queue is emptied, killed, put back in time, or rings for what it should not. */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createPostgresBackend, Queue, withBackend } from 'bullmq';
import { Redis } from 'ioredis';
import { randomUUID } from 'node:crypto';
import { startRedis } from '../../support/redis-server.js';
import { until } from '../../support/until.js';
import { BOTH, randomWait, underLoad } from './row.js';
import type { Row, Scene } from './row.js';

const STORM_EVERY_MS = 500;
const SUBMIT_WITHIN_MS = 500;
const SYSTEMS = ['velt.documents', 'velt.comments', 'supermemory.documents'];

export const flushes: Row = {
  no: 17,
  fault: 'FLUSHALL: idle, while jobs run, and every 500 ms',
  backends: ['redis'],
  seconds: 30,
  async run(scene) {
    const { stage, dice, thorough } = scene;
    await stage.cast(2);
    const redis = new Redis(stage.redis?.url ?? '');
    const stormMs = thorough ? 30_000 : 8_000;
    try {
      await redis.flushall();
      await underLoad(scene, Math.ceil(stormMs / 700), 600, async () => {
        await randomWait(dice, 500);
        await redis.flushall();
        let flushed = 0;
        for (const endMs = performance.now() + stormMs; performance.now() < endMs; flushed += 1) {
          await redis.flushall();
          await pause(STORM_EVERY_MS);
        }
        stage.mustHave(flushed > 5, `${flushed} FLUSHALLs in ${stormMs / 1000} s`);
      });
    } finally {
      redis.disconnect();
    }
  },
};

export const truncation: Row = {
  no: 18,
  fault: "TRUNCATE of the queue's table",
  backends: ['postgres'],
  seconds: 20,
  async run(scene) {
    const { stage, dice, thorough } = scene;
    await stage.cast(2);
    const times = thorough ? 12 : 5;
    await underLoad(scene, 2 * times, 500, async () => {
      for (let no = 0; no < times; no += 1) {
        await randomWait(dice, 900);
        await stage.sql('truncate bullmq.job cascade');
      }
      stage.mustHave(true, `${times} TRUNCATEs`);
    });
  },
};

export const redisOutage: Row = {
  no: 19,
  fault: 'Redis killed, and away for a while',
  backends: ['redis'],
  seconds: 30,
  async run(scene) {
    const { stage, submitter, dice, thorough } = scene;
    await stage.cast(2);
    await submitter.submitMany(4);
    const awayMs = thorough ? 5_000 + dice.below(55_000) : 5_000 + dice.below(3_000);
    const { redis } = stage;
    if (!redis) throw new Error('there is no Redis here');
    await redis.kill();
    const before = submitter.tookMs.length;
    const endMs = performance.now() + awayMs;
    while (performance.now() < endMs) {
      await submitter.submit();
      await pause(900);
    }
    const took = submitter.tookMs.slice(before);
    const slowest = Math.max(...took);
    const usual = Math.max(...submitter.tookMs.slice(0, before));
    scene.expect(
      slowest <= SUBMIT_WITHIN_MS + usual,
      `${took.length} submits without Redis, the slowest ${Math.round(slowest)} ms, and ${Math.round(usual)} ms with it`,
    );
    stage.redis = await startRedis({ port: redis.port, dir: redis.dir });
    stage.mustHave(true, `Redis away for ${awayMs} ms`);
    await submitter.submitMany(2);
  },
};

export const ghosts: Row = {
  no: 20,
  fault: 'Redis goes back in time: jobs of batches that are long done',
  backends: ['redis'],
  seconds: 35,
  async run({ stage, submitter }) {
    const { redis } = stage;
    if (!redis) throw new Error('there is no Redis here');
    // Nobody works yet: the first jobs of a worker that dies stay in the queue, and in its file.
    await stage.start('api');
    const first = await stage.start('worker');
    stage.sandbox.faults.always('latency:600');
    await submitter.submitMany(6);
    const client = new Redis(redis.url);
    const keys = await until('jobs to stand in Redis', async () => {
      const found = await client.keys('expunge:*documents:*-*');
      return found.length > 2 ? found : undefined;
    });
    await pause(1_200);
    client.disconnect();
    const kept = join(redis.dir, '..', `${randomUUID()}-kept`);
    cpSync(join(redis.dir, 'appendonlydir'), kept, { recursive: true });
    stage.sandbox.faults.clear();
    stage.mustHave((await stage.quiet(60_000)) !== null, `everything done once, ${keys.length} keys of jobs kept`);
    await redis.kill();
    rmSync(join(redis.dir, 'appendonlydir'), { recursive: true });
    cpSync(kept, join(redis.dir, 'appendonlydir'), { recursive: true });
    rmSync(kept, { recursive: true });
    stage.redis = await startRedis({ port: redis.port, dir: redis.dir });
    // The lock of a ghost that was being worked on ends after 30 s; those that waited are delivered at once.
    await pause(5_000);
    await first.stop();
    await stage.start('worker');
    await submitter.submitMany(2);
  },
};

export const wildRings: Row = {
  no: 23,
  fault: 'every job ten times, shuffled, and jobs of unknown batches and of nonsense',
  backends: BOTH,
  seconds: 25,
  async run(scene) {
    const { stage, thorough } = scene;
    await stage.cast(2);
    const ringer = openRinger(scene);
    let added = 0;
    try {
      await underLoad(scene, 14, 400, async () => {
        for (let no = 0; no < (thorough ? 80 : 25); no += 1) {
          added += await ringWildly(scene, ringer);
          await pause(150);
        }
      });
    } finally {
      await ringer.close();
    }
    stage.mustHave(added > 50, `${added} jobs that nobody should have added`);
  },
};

/** Somebody who can add any job to the queue of any system. */
interface Ringer {
  ring(system: string, data: unknown): Promise<unknown>;
  close(): Promise<unknown>;
}

function openRinger({ stage }: Scene): Ringer {
  const once = { removeOnComplete: true, removeOnFail: true };
  if (stage.redis !== null) {
    const connection = { host: '127.0.0.1', port: stage.redis.port };
    const queues = new Map(SYSTEMS.map((name) => [name, new Queue(name, { connection, prefix: 'expunge' })]));
    return {
      ring: async (system, data) => queues.get(system)?.add('batch', data, once),
      close: async () => Promise.all([...queues.values()].map(async (one) => one.close())),
    };
  }
  const PostgresQueue = withBackend(createPostgresBackend).Queue;
  const connection = { connectionString: stage.postgres.url(stage.database), options: '-c search_path=bullmq' };
  const queues = new Map(SYSTEMS.map((name) => [name, new PostgresQueue(name, { connection, prefix: 'expunge' })]));
  return {
    ring: async (system, data) => queues.get(system)?.add('batch', data, once),
    close: async () => Promise.all([...queues.values()].map(async (one) => one.close())),
  };
}

async function ringWildly({ stage, dice }: Scene, ringer: Ringer): Promise<number> {
  const live = await stage.sql<{ id: string; epoch: number; system: string }>(
    'select id, epoch, system from batch limit 20',
  );
  const jobs = live.flatMap(({ id, epoch, system }) =>
    Array.from({ length: 10 }, () => ({ system, data: { batchId: id, epoch: epoch + dice.below(3) - 1 } as unknown })),
  );
  const nonsense = [
    null,
    7,
    'batch',
    [],
    { batchId: 'x', epoch: 1 },
    { batchId: randomUUID() },
    { batchId: randomUUID(), epoch: 1 },
  ];
  for (const data of nonsense) jobs.push({ system: dice.one(SYSTEMS), data });
  // A batch of another system's.
  for (const { id, epoch } of live.slice(0, 2)) jobs.push({ system: dice.one(SYSTEMS), data: { batchId: id, epoch } });
  jobs.sort(() => dice.next() - 0.5);
  await Promise.all(jobs.map(async ({ system, data }) => ringer.ring(system, data)));
  return jobs.length;
}
