/** Many seeded rounds in which people and workers meet in the middle: what is recorded is what happened. */
import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { REQUESTS } from '../support/api-client.js';
import { startTestService } from '../support/service.js';
import type { TestService } from '../support/service.js';

const SUPERMEMORY = 'supermemory.documents';
const SEED = Number(process.env['RACES_SEED'] ?? randomInt(2 ** 31));
const ROUNDS = 25;
/** A round is over in this time: longer than a call and its record take. */
const LATEST_MS = 60;

let first: TestService;
let second: TestService;
beforeAll(async () => {
  first = await startTestService({
    sandbox: { seed: { existingPrefixes: { [SUPERMEMORY]: ['m'] } }, latencyMs: 15 },
    env: { BATCH_LINGER_MS: '0', RETRY_BASE_MS: '5', RETRY_MAX_ATTEMPTS: '2', PROVIDER_TIMEOUT_MS: '150' },
  });
  second = await first.installation.start();
});
afterAll(async () => first.installation.close());

type Act = 'cancel' | 'retry' | 'retry-item' | 'resolve' | 'submit-again';
const round = fc.record({
  fault: fc.constantFrom('', '~fault:denied*1~', '~fault:timeout*1~', '~fault:denied~'),
  acts: fc.array(
    fc.record({
      act: fc.constantFrom<Act>('cancel', 'retry', 'retry-item', 'resolve', 'submit-again'),
      atMs: fc.nat({ max: LATEST_MS }),
      by: fc.constantFrom('first', 'second'),
    }),
    { minLength: 2, maxLength: 6 },
  ),
});

it(`cancel, retry and resolve may meet any call, of two workers and two requests for one ID (RACES_SEED=${SEED})`, async () => {
  let number = 0;
  const play = async ({ fault, acts }: typeof round extends fc.Arbitrary<infer Round> ? Round : never) => {
    number += 1;
    const ids = [`m${number}${fault}`, `absent${number}`];
    const targets = [{ system: SUPERMEMORY, ids }];
    const { id } = await first.api.submit({ targets });
    const [item] = await first.api.items(id);
    const requests = [id];
    const answers = await Promise.all(
      acts.map(async ({ act, atMs, by }) => {
        await pause(atMs);
        const { api } = by === 'first' ? first : second;
        if (act === 'submit-again') {
          requests.push((await api.submit({ targets })).id);
          return 202;
        }
        const path =
          act === 'cancel' || act === 'retry' ? act : `items/${item?.id}/${act === 'resolve' ? act : 'retry'}`;
        const body = act === 'resolve' ? { resolution: 'waived', reason: 'raced' } : undefined;
        return (await api.call('POST', `${REQUESTS}/${id}/${path}`, body)).status;
      }),
    );
    expect(answers.filter((status) => ![200, 202, 409].includes(status))).toEqual([]);
    const { ledger, data } = first.sandbox;
    for (const request of requests) {
      await first.api.settled(request);
      for (const { externalId, outcome } of await first.api.items(request)) {
        const name = externalId ?? '';
        const sent = ledger.callsWith(SUPERMEMORY, name).length;
        const there = data.exists(SUPERMEMORY, {}, name);
        if (outcome === 'erased') expect([name, there, sent > 0]).toEqual([name, false, true]);
        if (outcome === 'already_absent') expect([name, there]).toEqual([name, false]);
        // What was cancelled or refused was not deleted on its behalf: at most for another that asked for the same.
        if ((outcome === 'cancelled' || outcome === 'failed') && requests.length === 1 && name.startsWith('m'))
          expect([name, there]).toEqual([name, true]);
      }
    }
  };
  await fc.assert(fc.asyncProperty(round, play), { numRuns: ROUNDS, seed: SEED, endOnFailure: true });
  const twice = await first.sql(
    'select item_id from (select unnest(item_ids) as item_id, attempt_id from attempt_part) p group by item_id, attempt_id having count(*) > 1',
  );
  expect(twice).toEqual([]);
}, 120_000);
