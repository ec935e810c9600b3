/** Signals at awkward moments: whatever was begun is recorded, and no call is repeated because of the stop. */
import { afterEach, expect, it } from 'vitest';
import { describeQueues } from '../support/queues.js';
import { openInstallation } from '../support/service.js';
import type { Installation } from '../support/service.js';
import { startServiceProcess } from '../support/service-process.js';
import { until } from '../support/until.js';

const SUPERMEMORY = 'supermemory.documents';
const SEED = { existingPrefixes: { [SUPERMEMORY]: ['m'] } };

let open: Installation | null = null;
afterEach(async () => {
  await open?.close();
  open = null;
});

describeQueues('a process that is told to stop', (queue) => {
  it('more than once while calls are under way still lets them end', async () => {
    open = await openInstallation({ queue, sandbox: { seed: SEED, latencyMs: 1_200 } });
    const { ledger } = open.sandbox;
    const first = await startServiceProcess(open, { PROVIDER_TIMEOUT_MS: '20000' });
    const { id } = await first.api.submit({ targets: [{ system: SUPERMEMORY, ids: ['m1', 'm2'] }] });
    await until('a call to be under way', () => (ledger.inFlight('supermemory') > 0 ? true : undefined));
    for (const signal of ['SIGTERM', 'SIGTERM', 'SIGINT'] as const) process.kill(first.pid, signal);
    expect(await first.ended).toBe(0);
    expect(await open.sql("select id from attempt where verdict is distinct from 'answered'")).toEqual([]);
    const second = await open.start({ role: 'api' });
    expect(await second.api.request(id)).toMatchObject({ status: 'completed', counts: { erased: 2 } });
    expect(ledger.calls()).toHaveLength(1);
  });

  it('while items linger, or right after they came in, leaves them to the next, at once and once', async () => {
    open = await openInstallation({ queue, sandbox: { seed: SEED } });
    const { ledger } = open.sandbox;
    const first = await startServiceProcess(open, { BATCH_LINGER_MS: '60000' });
    const lingering = await first.api.submit({ targets: [{ system: SUPERMEMORY, ids: ['m1'] }] });
    expect(await first.stop()).toBe(0);
    expect(ledger.calls()).toEqual([]);
    const second = await startServiceProcess(open, { BATCH_LINGER_MS: '0' });
    const ids = Array.from({ length: 30 }, (_, no) => `m-${no}`);
    const sent = await Promise.all(
      ids.map(async (each) => second.api.submit({ targets: [{ system: SUPERMEMORY, ids: [each] }] })),
    );
    expect(await second.stop()).toBe(0);
    expect(await open.sql("select id from batch where state = 'sending'")).toEqual([]);
    const third = await open.start();
    for (const { id } of [lingering, ...sent])
      expect(await third.api.settled(id)).toMatchObject({ status: 'completed', counts: { erased: 1 } });
    expect(
      ledger
        .calls()
        .flatMap((call) => call.ids)
        .sort(),
    ).toEqual(['m1', ...ids].sort());
  });
});
