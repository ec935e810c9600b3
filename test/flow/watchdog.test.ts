/** Processes that live and do nothing: they notice it themselves, end, and the next one does the work. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openInstallation } from '../support/service.js';
import type { Installation, Variables } from '../support/service.js';
import { startServiceProcess } from '../support/service-process.js';
import { until } from '../support/until.js';

const SUPERMEMORY = 'supermemory.documents';
const SEED = { existingPrefixes: { [SUPERMEMORY]: ['m'] } };
const TARGETS = [{ system: SUPERMEMORY, ids: ['m1'] }];
const TEST_MS = 60_000;

/** What is loaded before the service: it cuts one of its nerves. */
function wedged(how: 'deaf-dispatcher' | 'deaf-queue'): Variables {
  const preload = new URL(`../support/${how}.mjs`, import.meta.url);
  return { NODE_OPTIONS: `--import ${fileURLToPath(preload)}`, WATCHDOG_LIMIT_MS: '15000' };
}

async function within(installation: Installation, test: () => Promise<void>): Promise<void> {
  try {
    await test();
  } finally {
    await installation.close();
  }
}

describe.concurrent('a worker', () => {
  it(
    'whose dispatcher is deaf ends with exit code 1, and the one that is started in its place does the work',
    async () => {
      const open = await openInstallation({ sandbox: { seed: SEED } });
      await within(open, async () => {
        const first = await startServiceProcess(open, wedged('deaf-dispatcher'));
        const { id } = await first.api.submit({ targets: TARGETS });
        await open.sql("update item set due_at = now() - interval '1 hour'");
        expect(await first.ended).toBe(1);
        expect(first.log()).toContain('"complaint":"not_handed_out"');
        expect(first.log()).toContain('due work goes nowhere: ending, to be started again');
        expect(open.sandbox.ledger.calls()).toEqual([]);
        const second = await startServiceProcess(open);
        expect((await second.api.settled(id)).status).toBe('completed');
        expect(await second.stop()).toBe(0);
      });
    },
    TEST_MS,
  );

  it(
    'that gives up no lease ends as well',
    async () => {
      const open = await openInstallation({ sandbox: { seed: SEED } });
      await within(open, async () => {
        const first = await startServiceProcess(open, wedged('deaf-dispatcher'));
        const { id } = await first.api.submit({ targets: TARGETS });
        await open.sql(`with b as (insert into batch (id, system, provider, lease_until)
          values (gen_random_uuid(), '${SUPERMEMORY}', 'supermemory', now() - interval '1 hour') returning id)
          insert into claim (request_id, item_id, batch_id) select i.request_id, i.id, b.id from item i, b`);
        expect(await first.ended).toBe(1);
        expect(first.log()).toContain('"complaint":"not_given_up"');
        const second = await startServiceProcess(open);
        expect((await second.api.settled(id)).status).toBe('completed');
        expect(await second.stop()).toBe(0);
      });
    },
    TEST_MS,
  );

  it(
    'whose queue brings nothing does the work itself for a while, then ends',
    async () => {
      const open = await openInstallation({ sandbox: { seed: SEED } });
      await within(open, async () => {
        const first = await startServiceProcess(open, wedged('deaf-queue'));
        let requests = 0;
        let ended = false;
        void first.ended.then(() => (ended = true));
        // What takes 45 s each time is told to the database as done.
        while (!ended) {
          requests += 1;
          const { id } = await first.api.submit({ targets: [{ system: SUPERMEMORY, ids: [`m${requests}`] }] });
          const settled = await until(
            'the batch to be run by its dispatcher',
            async () => {
              if (ended) return 'not';
              await open.sql(
                "update batch set rings = 3, lease_until = now() - interval '1 s' where state = 'claimed'",
              );
              return (await open.sql("select 1 from item where outcome = 'pending'")).length === 0 ? 'yes' : undefined;
            },
            { withinMs: 40_000 },
          );
          if (settled === 'yes') expect((await first.api.request(id)).status).toBe('completed');
        }
        expect(await first.ended).toBe(1);
        expect(first.log()).toContain('"complaint":"not_delivered"');
        expect(requests).toBeGreaterThan(2);
      });
    },
    TEST_MS,
  );

  it(
    'that has only slow calls, a closed gate and others in its way goes on',
    async () => {
      const open = await openInstallation({
        sandbox: { seed: SEED, faults: { rules: [{ fault: '401', system: 'velt' }] } },
        env: { SUPERMEMORY_CONCURRENCY: '1', SUPERMEMORY_IDS_PER_CALL: '1', PROVIDER_TIMEOUT_MS: '60000' },
      });
      await within(open, async () => {
        const first = await startServiceProcess(open, { WATCHDOG_LIMIT_MS: '15000' });
        const ids = Array.from({ length: 9 }, (_, no) => `m${no}~fault:latency:60000*1~`);
        const { id } = await first.api.submit({
          targets: [
            { system: SUPERMEMORY, ids },
            { system: 'velt.documents', organizationId: 'org1', documentIds: ['d1'] },
          ],
        });
        await until('the gate to close', async () =>
          (await first.api.request(id)).blockedBy.length === 1 ? true : undefined,
        );
        await open.sql("update item set due_at = now() - interval '1 hour'");
        // Longer than the limit and the grace together.
        const untilMs = performance.now() + 24_000;
        await until('time to pass', () => (performance.now() > untilMs ? true : undefined), { withinMs: 30_000 });
        expect((await first.api.call('GET', '/readyz')).status).toBe(200);
        expect(first.log()).not.toContain('due work goes nowhere');
        await first.kill();
      });
    },
    TEST_MS,
  );
});
