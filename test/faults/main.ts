/**
 * `npm run test:faults`: the fault matrix against real processes. Without options a seeded sample of rows; `--runs N` more
 * of them (`--kills N`: until so many processes were killed), `--seed S` the same again, `--row N` and `--backend NAME` only
 * those, `--short` as in the sample; `--prove` shows that the checker sees a broken service. Ends with 1 when anything did not hold.
 */
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { BROKEN_BUILDS_COUNT, proveChecker } from './prove.js';
import { REDIS_ABSENT, redisAvailable } from '../support/redis-server.js';
import { planRuns, planSample } from './plan.js';
import type { PlannedRun } from './plan.js';
import { SuitePostgres } from './postgres.js';
import { sayRun, saySummary } from './report.js';
import { ROWS } from './rows/rows.js';
import { runRow } from './run.js';
import type { RunReport } from './run.js';
import type { Backend } from './stage.js';

/** A sample that takes longer on a slow machine is cut short, and says so. */
const SAMPLE_MS = 95_000;
/** Broken builds that a sample begins with: the judge before the judged. */
const PROOFS_IN_SAMPLE = 2;
const BACKENDS: readonly Backend[] = ['redis', 'postgres'];

const { values } = parseArgs({
  options: {
    runs: { type: 'string' },
    seed: { type: 'string' },
    row: { type: 'string', multiple: true, default: [] },
    backend: { type: 'string' },
    kills: { type: 'string' },
    short: { type: 'boolean', default: false },
    prove: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed ?? randomBytes(3).readUIntBE(0, 3));
const killsWanted = Number(values.kills ?? 0);
const rows = values.row.length === 0 ? ROWS : ROWS.filter(({ no }) => values.row.includes(String(no)));
const unknown = values.row.filter((no) => !ROWS.some((row) => String(row.no) === no));
if (unknown.length > 0)
  refuse(`there is no row ${unknown.join(', ')}; there are ${ROWS.map(({ no }) => no).join(', ')}`);
if (!Number.isSafeInteger(seed)) refuse('--seed takes a whole number');
const asked = BACKENDS.filter((name) => values.backend === undefined || name === values.backend);
if (asked.length === 0) refuse('--backend is redis or postgres');

const withoutRedis = asked.includes('redis') && !redisAvailable();
const backends = asked.filter((name) => name !== 'redis' || !withoutRedis);
const isSample = values.runs === undefined && values.row.length === 0 && !values.prove;
const choice = { rows, backends, seed };
const plan: readonly PlannedRun[] = isSample
  ? planSample(choice)
  : planRuns(choice, Number(values.runs ?? (values.prove ? 0 : rows.length)));

process.stdout.write(`faults: ${plan.length} runs${isSample ? ', a sample of the rows' : ''}, seed ${seed}\n`);
const postgres = await SuitePostgres.start();
const reports: RunReport[] = [];
let unseen: readonly string[] = [];
try {
  const beganMs = performance.now();
  if (values.prove || isSample)
    unseen = await proveChecker(postgres, seed, isSample ? PROOFS_IN_SAMPLE : BROKEN_BUILDS_COUNT);
  for (const { row, backend, seed: own } of plan) {
    if (isSample && performance.now() - beganMs + row.seconds * 1000 > SAMPLE_MS) {
      process.stdout.write(`row ${row.no} on ${backend}: left out, this machine is slow today\n`);
      continue;
    }
    const report = await runRow(postgres, row, { backend, seed: own, thorough: !isSample && !values.short });
    reports.push(report);
    sayRun(report);
    if (killsWanted > 0 && reports.reduce((sum, { kills }) => sum + kills, 0) >= killsWanted) break;
  }
} finally {
  await postgres.stop();
}
if (withoutRedis) process.stdout.write(`rows with Redis: skipped, because ${REDIS_ABSENT}\n`);
const held = saySummary(reports) && unseen.length === 0 && !(withoutRedis && process.env['REQUIRE_REDIS'] === '1');
process.exit(held ? 0 : 1);

function refuse(why: string): never {
  process.stderr.write(`test:faults: ${why}\n`);
  process.exit(2);
}
