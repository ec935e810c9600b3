import { afterEach, expect, it } from 'vitest';
import { describeQueues } from '../support/queues.js';
import { openInstallation, startTestService } from '../support/service.js';
import type { Installation } from '../support/service.js';
import { until } from '../support/until.js';

const SUPERMEMORY = 'supermemory.documents';
const SEED = { existingPrefixes: { [SUPERMEMORY]: ['m'] } };

let open: Installation | null = null;
afterEach(async () => {
  await open?.close();
  open = null;
});

describeQueues('a service that is stopped', (queue) => {
  it('lets its calls end and leaves everything not begun to whoever comes next, at once', async () => {
    const env = { SUPERMEMORY_CONCURRENCY: '1', SUPERMEMORY_IDS_PER_CALL: '1' };
    const service = await startTestService({ queue, env, sandbox: { seed: SEED, latencyMs: 300 } });
    open = service.installation;
    const { ledger } = service.sandbox;
    const ids = ['m1', 'm2', 'm3', 'm4'];
    const { id } = await service.api.submit({ targets: [{ system: SUPERMEMORY, ids }] });
    await until('a call to be under way', () => (ledger.inFlight('supermemory') === 1 ? true : undefined));
    await service.stop();
    expect(await service.sql("select id from attempt where verdict is distinct from 'answered'")).toEqual([]);
    expect(await service.sql("select id from batch where state = 'sending'")).toEqual([]);

    const next = await open.start();
    expect(await next.api.settled(id, 10_000)).toMatchObject({ status: 'completed', counts: { erased: 4 } });
    expect(
      ledger
        .calls()
        .flatMap((call) => call.ids)
        .sort(),
    ).toEqual(ids);
  });
});

describeQueues('an API process and a worker process', (queue) => {
  it('make one service: the one takes requests in, the other sends', async () => {
    open = await openInstallation({ queue, sandbox: { seed: SEED } });
    const entrance = await open.start({ role: 'api' });
    const { id } = await entrance.api.submit({ targets: [{ system: SUPERMEMORY, ids: ['m1'] }] });
    expect((await entrance.api.request(id)).status).toBe('queued');
    await open.start({ role: 'worker' });
    expect((await entrance.api.settled(id)).status).toBe('completed');
    const heard = await entrance.api.erase([{ system: SUPERMEMORY, ids: ['m2', 'm3'] }]);
    expect(heard).toMatchObject({ status: 'completed', counts: { erased: 2 } });
  });
});
