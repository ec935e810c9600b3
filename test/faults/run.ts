/** One run: a row done to a stage, then quiet, then judged. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Dice } from '../truth/dice.js';
import { heldBackOf } from './calls-of-attempts.js';
import { check } from './checker.js';
import { collect } from './collect.js';
import type { Evidence } from './evidence.js';
import type { SuitePostgres } from './postgres.js';
import { measureRecovery } from './recovery.js';
import { heard } from './rows/row.js';
import type { Row, Scene } from './rows/row.js';
import { Stage, TIMINGS } from './stage.js';
import type { Backend } from './stage.js';
import { Submitter } from './submitter.js';

/** What the design allows after the last fault, beside a provider's own time. */
const QUIET_WITHIN_MS = 60_000;

export interface RunReport {
  readonly row: number;
  readonly fault: string;
  readonly backend: Backend;
  readonly seed: number;
  readonly tookMs: number;
  readonly requests: number;
  readonly items: number;
  readonly calls: number;
  readonly kills: number;
  /** Calls that were lost to kills and other crashes, and so made again. */
  readonly lostCalls: number;
  readonly quietMs: number | null;
  readonly takenUpMs: readonly number[];
  readonly disturbedAgainMs: readonly number[];
  readonly notes: readonly string[];
  /** Empty when everything held. */
  readonly breaches: readonly string[];
}

export interface RunOptions {
  readonly backend: Backend;
  readonly seed: number;
  readonly thorough: boolean;
}

/** Runs a row once. Never throws: what went wrong with the run itself is a breach too. */
export async function runRow(postgres: SuitePostgres, row: Row, options: RunOptions): Promise<RunReport> {
  const beganMs = performance.now();
  const stage = await Stage.open(postgres, { ...row.stage, backend: options.backend, seed: options.seed });
  const about = { row: row.no, fault: row.fault, backend: options.backend, seed: options.seed };
  try {
    const found = await act(stage, row, options);
    return { ...about, ...found, notes: stage.notes, tookMs: performance.now() - beganMs };
  } catch (error) {
    const breaches = [`the run failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`];
    const nothing = {
      requests: 0,
      items: 0,
      calls: 0,
      kills: 0,
      lostCalls: 0,
      quietMs: null,
      takenUpMs: [],
      disturbedAgainMs: [],
    };
    return { ...about, ...nothing, notes: stage.notes, breaches, tookMs: performance.now() - beganMs };
  } finally {
    await stage.close();
  }
}

type Found = Omit<RunReport, 'row' | 'fault' | 'backend' | 'seed' | 'notes' | 'tookMs'>;

async function act(stage: Stage, row: Row, { seed, thorough }: RunOptions): Promise<Found> {
  const submitter = new Submitter(stage, seed);
  const breaches: string[] = [];
  const scene: Scene = {
    stage,
    submitter,
    dice: new Dice(seed + 1),
    thorough,
    expect: (holds, what) => {
      if (holds) stage.notes.push(what);
      else breaches.push(`row ${row.no}: ${what}`);
    },
  };
  const watch = heard(submitter.watch());
  await row.run(scene);
  stage.sandbox.faults.clear();
  await stage.sandbox.up();
  await stage.calm();
  const quietMs = await stage.quiet(QUIET_WITHIN_MS + TIMINGS.timeoutMs);
  submitter.stopWatching();
  await watch;
  await submitter.replayAll();
  // A late answer may still be on its way into the record.
  await pause(200);
  const evidence = await collect(stage, submitter, quietMs);
  const recovery = measureRecovery(evidence);
  const heldBack = heldBackOf(evidence);
  const judged = check(evidence).map(({ invariant, what }) => `${invariant}: ${what}`);
  const all = [...breaches, ...judged, ...recovery.late.map((what) => `taken up late: ${what}`)];
  if (all.length > 0) stage.notes.push(`the evidence is in ${keep(evidence, row.no, seed)}`);
  return {
    requests: evidence.requests.length,
    items: evidence.items.length,
    calls: evidence.calls.length,
    kills: evidence.disturbed.filter(({ kill }) => kill).length,
    lostCalls: evidence.attempts.filter((one) => one.verdict === 'interrupted' && !heldBack.has(one.id)).length,
    quietMs,
    takenUpMs: recovery.takenUpMs,
    disturbedAgainMs: recovery.disturbedAgainMs,
    breaches: all,
  };
}

/** For who looks into it: the run itself is hard to have again. */
function keep(evidence: Evidence, row: number, seed: number): string {
  const file = join('out', `faults-row-${row}-seed-${seed}.json`);
  mkdirSync('out', { recursive: true });
  writeFileSync(file, JSON.stringify({ ...evidence, steeredByHand: [...evidence.steeredByHand] }, null, 1));
  return file;
}
