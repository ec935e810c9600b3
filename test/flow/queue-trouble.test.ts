/** Whatever happens to the queue costs time, never an outcome: Postgres has the truth. */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import type { RequestResource } from '../../src/store/read-requests.js';
import { REQUESTS } from '../support/api-client.js';
import { openJobQueue } from '../support/job-queue.js';
import type { JobQueue } from '../support/job-queue.js';
import { describeQueues } from '../support/queues.js';
import { startRedis } from '../support/redis-server.js';
import { describeRedis } from '../support/redis.js';
import { openInstallation } from '../support/service.js';
import type { Installation, TestService } from '../support/service.js';
import { until } from '../support/until.js';

const SUPERMEMORY = 'supermemory.documents';
const SEED = { existingPrefixes: { [SUPERMEMORY]: ['m'] } };
const ENV = { SUPERMEMORY_IDS_PER_CALL: '2', SUPERMEMORY_CONCURRENCY: '2' };
const IDS = Array.from({ length: 24 }, (_, no) => `m${no}`);
const FLUSH_EVERY_MS = 100;
const SUBMIT_WITHIN_MS = 500;

let open: Installation | null = null;
let jobs: JobQueue | null = null;
afterEach(async () => {
  await jobs?.close();
  await open?.close();
  jobs = null;
  open = null;
});

/** Every ID erased, each by one call. */
async function erasedOnce(service: TestService, id: string, ids: readonly string[]): Promise<void> {
  expect(await service.api.settled(id)).toMatchObject({ status: 'completed', counts: { erased: ids.length } });
  const called = service.sandbox.ledger.calls().flatMap((call) => call.ids);
  expect(called.filter((each) => ids.includes(each)).sort()).toEqual([...ids].sort());
}

describeQueues('a queue in trouble', (queue) => {
  it('that is emptied again and again under work loses nothing, and nothing is sent twice', async () => {
    open = await openInstallation({ queue, sandbox: { seed: SEED, latencyMs: 100 }, env: ENV });
    const service = await open.start();
    const emptied = await openJobQueue(open, SUPERMEMORY);
    jobs = emptied;
    const { id } = await service.api.submit({ targets: [{ system: SUPERMEMORY, ids: IDS }] });
    for (let times = 0; times < 8; times += 1) {
      await emptied.empty();
      await pause(FLUSH_EVERY_MS);
    }
    // Batches whose jobs are gone are found when their claim is over; that it is, is said here rather than waited for.
    await until('all of it to be done', async () => {
      await service.sql(
        "update batch set lease_until = now() - interval '1 ms' where state = 'claimed' and lease_until < now() + interval '14 s'",
      );
      return (await service.api.request(id)).counts['pending'] === 0 ? true : undefined;
    });
    await erasedOnce(service, id, IDS);
    expect((await service.api.erase([{ system: SUPERMEMORY, ids: ['m-after'] }])).status).toBe('completed');
  });

  it('that was emptied before its jobs were taken up loses nothing', async () => {
    open = await openInstallation({ queue, sandbox: { seed: SEED }, env: ENV });
    const entrance = await open.start({ role: 'api' });
    const emptied = await openJobQueue(open, SUPERMEMORY);
    jobs = emptied;
    const { id } = await entrance.api.submit({ targets: [{ system: SUPERMEMORY, ids: IDS }] });
    await emptied.empty();
    await open.start({ role: 'worker' });
    await erasedOnce(entrance, id, IDS);
  });

  it('full of ghosts, garbage, and every job ten times and shuffled sends each ID once', async () => {
    open = await openInstallation({ queue, sandbox: { seed: SEED, latencyMs: 200 }, env: ENV });
    const service = await open.start();
    const haunted = await openJobQueue(open, SUPERMEMORY);
    jobs = haunted;
    const ghosts = [
      {},
      [],
      'text',
      null,
      7,
      { batchId: randomUUID(), epoch: 1 },
      { batches: 'text' },
      { batches: [] },
      { batches: [null, 7, {}, { batchId: 'none', epoch: 1 }] },
      { batches: [{ batchId: "'; drop table item; --                  ", epoch: 1 }] },
      { batches: [{ batchId: randomUUID(), epoch: 1 }] },
      { batches: [{ batchId: randomUUID(), epoch: 2 ** 40 }] },
    ];
    await haunted.add(...ghosts);
    const { id } = await service.api.submit({ targets: [{ system: SUPERMEMORY, ids: IDS }] });
    const haunt = async (): Promise<number> => {
      const live = await service.sql<{ id: string; epoch: number }>('select id, epoch from batch');
      const doubled = live.flatMap(({ id: batchId, epoch }) => {
        const strange = [0, epoch - 1, epoch + 1, String(epoch), 0.5, -1].map((other) => ({ batchId, epoch: other }));
        return [...Array.from({ length: 10 }, () => ({ batchId, epoch })), ...strange];
      });
      const shuffled = doubled.sort(() => Math.random() - 0.5);
      const alone = shuffled.slice(0, shuffled.length / 2).map((batch) => ({ batches: [batch] }));
      await haunted.add(...alone, { batches: shuffled.slice(shuffled.length / 2) }, ...ghosts);
      return live.length;
    };
    let batches = 0;
    await until('enough of it to be haunted', async () => {
      batches += await haunt();
      return batches >= 20 || (await service.api.request(id)).counts['pending'] === 0 ? true : undefined;
    });
    expect(batches).toBeGreaterThan(0);
    await erasedOnce(service, id, IDS);
    // What is in front of it is done when it is: the ghosts killed no worker.
    expect((await service.api.erase([{ system: SUPERMEMORY, ids: ['m-after'] }])).status).toBe('completed');
    expect(service.sandbox.ledger.calls().flatMap((call) => call.ids)).toHaveLength(IDS.length + 1);
  });
});

describeRedis('a Redis that goes away', () => {
  it('keeps nobody waiting: a submission is answered within 500 ms, and its work is done', async () => {
    const redis = await startRedis();
    open = await openInstallation({ sandbox: { seed: SEED }, env: { ...ENV, REDIS_URL: redis.url } });
    const entrance = await open.start({ role: 'api' });
    await open.start({ role: 'worker' });
    expect((await entrance.api.erase([{ system: SUPERMEMORY, ids: ['m-before'] }])).status).toBe('completed');
    await redis.kill();
    const tookMs: number[] = [];
    const ids = IDS.slice(0, 5);
    const accepted: string[] = [];
    for (const id of ids) {
      const beganMs = performance.now();
      const body = { subject: { ref: 'user_42' }, targets: [{ system: SUPERMEMORY, ids: [id] }] };
      const answer = await entrance.api.call<RequestResource>('POST', REQUESTS, body);
      tookMs.push(performance.now() - beganMs);
      expect(answer.status).toBe(202);
      accepted.push(answer.body.id);
    }
    // The quickest of them: how long the queue makes a submission wait, whatever else the machine does.
    expect(Math.min(...tookMs)).toBeLessThan(SUBMIT_WITHIN_MS);
    for (const id of accepted) expect((await entrance.api.settled(id)).status).toBe('completed');
    const back = await startRedis(redis);
    expect((await entrance.api.erase([{ system: SUPERMEMORY, ids: ['m-after'] }])).status).toBe('completed');
    await open.close();
    await back.stop();
  });
});
