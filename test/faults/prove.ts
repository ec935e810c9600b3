/** Whether the checker sees a service that is really broken: each bug in a run of its own, without any other fault. */
import { heard } from './rows/row.js';
import { Dice } from '../truth/dice.js';
import { BROKEN_BUILDS } from './broken-builds.js';
import type { BrokenBuild } from './broken-builds.js';
import { check } from './checker.js';
import { collect } from './collect.js';
import type { SuitePostgres } from './postgres.js';
import { Stage } from './stage.js';
import { Submitter } from './submitter.js';

const REQUESTS = 6;
/** Enough for more calls than may be under way at once. */
const LARGE = 120;
/** Where nothing goes wrong but the bug, a healthy service is done long before. */
const QUIET_WITHIN_MS = 15_000;

/** Runs so many broken builds, chosen by the seed, and gives those that the checker did not see. */
export async function proveChecker(postgres: SuitePostgres, seed: number, count: number): Promise<string[]> {
  const dice = new Dice(seed);
  const order = BROKEN_BUILDS.map((build) => ({ build, at: dice.next() })).sort((a, b) => a.at - b.at);
  const unseen: string[] = [];
  for (const { build } of order.slice(0, count)) {
    const broken = await invariantsBroken(postgres, build, seed);
    const seen = broken.includes(build.breaks);
    process.stdout.write(`${seen ? 'seen ' : 'MISSED'} ${build.breaks}: ${build.bug} (broke ${broken.join(', ')})\n`);
    if (!seen) unseen.push(build.bug);
  }
  return unseen;
}

export const BROKEN_BUILDS_COUNT = BROKEN_BUILDS.length;

async function invariantsBroken(postgres: SuitePostgres, build: BrokenBuild, seed: number): Promise<string[]> {
  const stage = await Stage.open(postgres, { backend: 'postgres', seed });
  // A bug that ends its process must not end the run: others take over.
  const revive = setInterval(() => {
    if (stage.processes.length > 0 && stage.api() === null) void heard(stage.calm());
  }, 1_000);
  try {
    const submitter = new Submitter(stage, seed);
    const watch = heard(submitter.watch());
    await stage.start('all', { disturbance: { rewrites: build.rewrites } });
    await submitter.submitLarge(LARGE);
    await submitter.submitMany(REQUESTS);
    const quietMs = await stage.quiet(QUIET_WITHIN_MS);
    submitter.stopWatching();
    await watch;
    for (const statement of build.tampering ?? []) await stage.sql(statement);
    await stage.calm();
    await submitter.replayAll();
    const breaches = check(await collect(stage, submitter, quietMs));
    return [...new Set(breaches.map(({ invariant }) => invariant))];
  } finally {
    clearInterval(revive);
    await stage.close();
  }
}
