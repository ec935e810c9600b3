/** Rows 32 and 38: everybody at once, and one request that is large for a small worker. */
import { setTimeout as pause } from 'node:timers/promises';
import { REQUESTS } from '../../support/api-client.js';
import { submitOnce } from '../submitter.js';
import { BOTH, underLoad } from './row.js';
import type { Row, Scene } from './row.js';

const LARGE = 10_000;
const SMALL_HEAP_MB = 64;
const LARGE_WITHIN_MS = 150_000;

export const races: Row = {
  no: 32,
  fault: 'equal submits at once; cancel, retry and answers at once; many dispatchers',
  backends: BOTH,
  seconds: 40,
  async run(scene) {
    const { stage } = scene;
    await stage.cast(4);
    await equalSubmits(scene);
    await cancelsAndAnswers(scene);
    await retriesAtOnce(scene);
  },
};

async function equalSubmits({ submitter, stage, thorough, expect }: Scene): Promise<void> {
  const api = await stage.anApi();
  const { record, key } = submitter.plan();
  const count = thorough ? 1_000 : 200;
  const answers = await Promise.all(Array.from({ length: count }, () => submitOnce(api, key, record.body)));
  const statuses: Record<string, number> = {};
  for (const answer of answers) {
    const status = String(answer?.status ?? 'none');
    statuses[status] = (statuses[status] ?? 0) + 1;
    if (answer?.status === 202) await submitter.accepted(record, answer);
  }
  const known = Object.keys(statuses).every((status) => status === '202' || status === '409');
  expect(known, `${count} equal submits at once: ${JSON.stringify(statuses)}`);
  if (record.accepted.length === 0) await submitter.push(record, key);
}

/** A request is cancelled while its calls are under way: what was not sent is cancelled, what was keeps its outcome. */
async function cancelsAndAnswers(scene: Scene): Promise<void> {
  const { stage, submitter, dice } = scene;
  const api = await stage.anApi();
  const answers = new Set<number>();
  await underLoad(scene, 6, 200, async () => {
    for (let no = 0; no < 8; no += 1) {
      const id = await submitter.submit();
      stage.steeredByHand.add(id);
      await pause(dice.below(250));
      const twice = [0, 1].map(async () => api.call('POST', `${REQUESTS}/${id}/cancel`));
      for (const { status } of await Promise.all(twice)) answers.add(status);
    }
  });
  const fine = [...answers].every((status) => status === 200 || status === 409);
  scene.expect(fine, `cancels answered with ${[...answers].join(', ')}`);
}

/** Items that rest are sent again by three people at once, while late answers of others come in. */
async function retriesAtOnce({ stage, submitter, expect }: Scene): Promise<void> {
  const api = await stage.anApi();
  stage.sandbox.faults.always('denied');
  const ids = [await submitter.submit(), await submitter.submit()];
  for (const id of ids) stage.steeredByHand.add(id);
  await stage.quiet(20_000);
  const [row] = await stage.sql<{ n: number }>("select count(*)::int as n from item where outcome = 'failed'");
  stage.sandbox.faults.clear();
  const retries = ids.flatMap((id) => [0, 1, 2].map(async () => api.call('POST', `${REQUESTS}/${id}/retry`)));
  const answers = (await Promise.all(retries)).map(({ status }) => status);
  const fine = answers.every((status) => [200, 202, 409].includes(status));
  expect(fine && (row?.n ?? 0) > 0, `${row?.n ?? 0} items failed, retries answered ${answers.join(', ')}`);
}

export const largeRequest: Row = {
  no: 38,
  fault: '10,000 items in one request, workers of 64 MB',
  backends: BOTH,
  seconds: 45,
  stage: { latencyMs: 20, env: { SUPERMEMORY_IDS_PER_CALL: '100' } },
  async run({ stage, submitter }) {
    await Promise.all([stage.start('api'), stage.start('worker', { heapMb: SMALL_HEAP_MB })]);
    await submitter.submitLarge(LARGE);
    const quietMs = await stage.quiet(LARGE_WITHIN_MS);
    const calls = stage.sandbox.ledger.calls().length;
    const [worker] = stage.running('worker');
    stage.mustHave(
      calls > 0 && worker !== undefined,
      `${calls} calls by a worker of ${SMALL_HEAP_MB} MB, done in ${Math.round(quietMs ?? -1)} ms`,
    );
  },
};
