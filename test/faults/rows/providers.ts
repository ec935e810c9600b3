/** Rows 25 to 30: providers that do not answer, ask to wait, are down, lie, refuse the credentials or know nothing. */
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../../support/until.js';
import { CONCURRENCY } from '../stage.js';
import type { Stage } from '../stage.js';
import { BOTH, underLoad } from './row.js';
import type { Row, Scene } from './row.js';

const SILENT = ['timeout', 'reset', 'reset-before', 'cut', 'slow-body:100', 'latency:2500'];
const LIES =
  'error-200 html truncated-json garbage empty not-object 202 204 redirect huge gzip-bomb ' +
  'stranger count-low success-false error-and-result moved-key omit wrong-type duplicate-keys';
const RESUMED_PROVIDERS = ['velt.documents', 'supermemory.documents'];
const RSS_MIB_MAX = 400;
const GATE_CALLS = 5;
const RETRY_BASE_MS = 50;

export const silentProvider: Row = {
  no: 25,
  fault: 'no answer, a reset, a cut or slow body, an answer after our time is over',
  backends: BOTH,
  seconds: 35,
  async run(scene) {
    const { thorough } = scene;
    await strike(scene, SILENT, thorough ? 4 : 1);
  },
};

export const rateLimits: Row = {
  no: 26,
  fault: '429 with every kind of Retry-After',
  backends: BOTH,
  seconds: 25,
  async run({ stage, submitter, expect }) {
    await stage.cast(2);
    for (const when of ['2', 'date:2', '0', 'raw:-1', 'raw:315360000', 'raw:soon']) {
      stage.sandbox.faults.next(1, `429:${when}`, 'supermemory.documents');
      stage.sandbox.faults.next(1, `429:${when}`, 'velt.documents');
      await submitter.submitMany(2);
      const waitMs = await until('a gate to close', async () => {
        const [gate] = await stage.sql<{ ms: number }>(
          "select (extract(epoch from until - now()) * 1000)::float8 as ms from gate where reason = 'rate' and until > now() order by until desc",
        );
        return gate?.ms;
      });
      expect(waitMs > 0 && waitMs <= 3_600_000, `Retry-After ${when}: waits at most ${Math.round(waitMs)} ms`);
      if (waitMs > 5_000) await resume(stage);
      await stage.quiet(20_000);
    }
  },
};

export const longOutage: Row = {
  no: 27,
  fault: '5xx for a long time (scaled: the probes double from 50 ms instead of 1 s)',
  backends: BOTH,
  seconds: 30,
  async run(scene) {
    const { stage, submitter, thorough } = scene;
    await stage.cast(2);
    await submitter.submitMany(3);
    const forMs = thorough ? 30_000 : 8_000;
    stage.sandbox.faults.always('503');
    const before = stage.sandbox.ledger.calls().length;
    await underLoad(scene, 10, forMs / 20, () => pause(forMs));
    const calls = stage.sandbox.ledger.calls().length - before;
    stage.sandbox.faults.clear();
    const most = 3 * (GATE_CALLS + CONCURRENCY + Math.ceil(Math.log2(forMs / RETRY_BASE_MS)) + 2);
    scene.expect(calls <= most, `${calls} calls in an outage of ${forMs / 1000} s, ${most} allowed`);
  },
};

export const lies: Row = {
  no: 28,
  fault: 'answers that are not what they seem',
  backends: BOTH,
  seconds: 30,
  async run(scene) {
    await strike(scene, LIES.split(' '), scene.thorough ? 3 : 1);
    for (const { name, pid, runs } of scene.stage.processes) {
      if (!runs) continue;
      const peak = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
      scene.expect(peak < RSS_MIB_MAX, `${name} never took more than ${Math.round(peak)} MiB`);
    }
  },
};

export const wrongCredentials: Row = {
  no: 29,
  fault: '401 and 403 in the middle',
  backends: BOTH,
  seconds: 25,
  async run(scene) {
    const { stage, submitter } = scene;
    await stage.cast(2);
    await submitter.submitMany(3);
    stage.sandbox.faults.always('401', 'supermemory');
    stage.sandbox.faults.always('403', 'velt');
    await submitter.submitMany(5);
    await until('all gates to close', async () => {
      const closed = await stage.sql("select from gate where reason = 'credentials'");
      return closed.length === 3 ? true : undefined;
    });
    const before = stage.sandbox.ledger.calls().length;
    await submitter.submitMany(2);
    await pause(2_000);
    const calls = stage.sandbox.ledger.calls().length - before;
    scene.expect(calls <= 2 * CONCURRENCY, `${calls} calls after the gates had closed for credentials`);
    const failed = await stage.sql("select from item where outcome = 'failed'");
    scene.expect(failed.length === 0, `${failed.length} items failed for credentials`);
    stage.sandbox.faults.clear();
    await resume(stage);
  },
};

export const absences: Row = {
  no: 30,
  fault: '404 at first, and absent after a call of unknown effect',
  backends: BOTH,
  seconds: 25,
  async run(scene) {
    await strike(scene, ['404', '404:html', 'reset', '504-after', 'timeout'], scene.thorough ? 4 : 2);
    const [row] = await scene.stage.sql<{ n: number }>("select count(*)::int as n from item where evidence = 'repeat'");
    scene.stage.notes.push(`${row?.n ?? 0} items erased by repeat`);
  },
};

/** Each of these faults so often at each provider, while requests come in. */
async function strike(scene: Scene, faults: readonly string[], times: number): Promise<void> {
  const { stage, dice } = scene;
  await stage.cast(2);
  const order = faults.map((fault) => ({ fault, at: dice.next() })).sort((a, b) => a.at - b.at);
  await underLoad(scene, Math.max(20, 2 * faults.length), 250, async () => {
    for (const { fault } of order) {
      for (const provider of ['velt', 'supermemory'] as const) stage.sandbox.faults.next(times, fault, provider);
      await pause(300);
    }
  });
  await stage.quiet(15_000);
  const struck = new Set(stage.sandbox.ledger.calls().flatMap((call) => call.faults));
  stage.mustHave(
    struck.size > faults.length / 2,
    `${struck.size} of ${faults.length} kinds struck: ${[...struck].join(', ')}`,
  );
}

async function resume(stage: Stage): Promise<void> {
  const api = await stage.anApi();
  for (const system of RESUMED_PROVIDERS) await api.expect(200, 'POST', `/v1/systems/${system}/resume`);
}
