/**
 * `npm run demo`: one erasure request over real HTTP through all three adapters, on a machine with nothing but Node.
 * It leaves `out/` behind and nothing else.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { verifyBundle } from '../verify.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import { ApiClient } from './api-client.js';
import { crossCheck } from './cross-check.js';
import { startInstallation, startProviders } from './installation.js';
import type { Installation, Undo } from './installation.js';
import { Progress, seconds } from './progress.js';
import { resultsCsv } from './results-csv.js';
import type { ResultRequest } from './results.js';
import type { Screen } from './screen.js';
import { summaryLines } from './summary.js';
import { tableLines } from './table.js';
import { pad } from './visible-text.js';

const POLL_MS = 100;
const SETTLED_WITHIN_MS = 50_000;
/** As wide as the longest name of a step. */
const STEP_COLUMNS = 39;
const EVIDENCE = 'evidence.json';

export interface Stage {
  readonly screen: Screen;
  /** Holds erasure-request.json, sandbox-seed.json and sandbox-faults.json. */
  readonly examplesDir: string;
  /** Made when missing; takes the results, the audit report and the evidence. */
  readonly outDir: string;
  /** Aborted when the demo is to end early; its reason says why. */
  readonly signal: AbortSignal;
  /** Epoch milliseconds. */
  readonly nowMs: () => number;
}

/**
 * Runs the demo and takes down all that it started, whatever happens.
 * @throws what went wrong, or the reason of the stage's signal
 */
export async function runDemo(stage: Stage): Promise<void> {
  const undo: Undo = [];
  try {
    await perform(stage, undo);
  } finally {
    stage.screen.clear();
    for (const step of undo.reverse()) await step();
  }
}

async function perform(stage: Stage, undo: Undo): Promise<void> {
  const { screen } = stage;
  const read = (name: string): string => readFileSync(join(stage.examplesDir, name), 'utf8');
  const parse = (name: string): unknown => JSON.parse(read(name));
  screen.line(
    `\n  ${screen.paint('Expunge', 'bold')}  one erasure request, three systems, every ID with its outcome\n`,
  );
  const sandbox = await step(
    stage,
    'A Velt and a Supermemory (the sandbox)',
    async () => startProviders(parse('sandbox-seed.json'), parse('sandbox-faults.json'), undo),
    ({ url }) => url,
  );
  const held = structuredClone(sandbox.data.list());
  const service = await step(
    stage,
    'Postgres, the queue on it, workers, API',
    async () => startInstallation(sandbox, undo),
    ({ url }) => url,
  );
  await erase(stage, sandbox, held, service, read('erasure-request.json'));
}

async function erase(
  stage: Stage,
  sandbox: Sandbox,
  held: ReturnType<Sandbox['data']['list']>,
  service: Installation,
  body: string,
): Promise<void> {
  const { screen, signal } = stage;
  const api = new ApiClient(service.url, service.apiKey, signal);
  const beganMs = performance.now();
  const submitted = await step(
    stage,
    'POST /v1/erasure-requests',
    async () => api.submit(body, randomUUID()),
    ({ id }) => id,
  );
  screen.line();
  const request = await watch(stage, api, submitted, beganMs);
  if (!screen.isLive) screen.line();
  const elapsedMs = performance.now() - beganMs;
  const [items, attempts] = await Promise.all([api.items(request.id), api.attempts(request.id)]);
  const [evidence, key] = await Promise.all([api.evidence(request.id), api.ledgerKey()]);
  verifyBundle(evidence, key, null);
  const files = write(stage.outDir, {
    'report.pdf': await api.report(request.id, 'pdf'),
    'report.json': await api.report(request.id, 'json'),
    'results.json': `${JSON.stringify(
      {
        request: request.resource,
        items: items.map(({ resource }) => resource),
        attempts: attempts.map(({ resource }) => resource),
      },
      null,
      2,
    )}\n`,
    'results.csv': resultsCsv(items),
    [EVIDENCE]: evidence,
  });
  const check = crossCheck(held, sandbox.data.list(), items);
  for (const line of tableLines(items, screen)) screen.line(line);
  screen.line();
  const finish = { request, items, attempts, check, elapsedMs, nowMs: stage.nowMs(), files, evidence: EVIDENCE };
  for (const line of summaryLines(finish, screen)) screen.line(line);
  screen.line();
  if (check.wrong > 0) throw new Error('the outcomes do not agree with what the sandbox holds');
}

/** One thing that is started: named while it lasts, ticked off when it is there. */
async function step<Result>(
  { screen, signal }: Stage,
  name: string,
  work: () => Promise<Result>,
  detail: (result: Result) => string,
): Promise<Result> {
  signal.throwIfAborted();
  screen.redraw([{ text: '  … ', colours: ['dim'] }, { text: name }]);
  const beganMs = performance.now();
  const result = await work();
  signal.throwIfAborted();
  const took = screen.paint(seconds(performance.now() - beganMs), 'dim');
  const tick = screen.paint('✔', 'green');
  screen.line(`  ${tick} ${pad(name, STEP_COLUMNS)}  ${took}  ${screen.paint(detail(result), 'cyan')}`);
  return result;
}

/** Reads the request again and again until nothing of it is pending. */
async function watch(
  { screen, signal }: Stage,
  api: ApiClient,
  submitted: ResultRequest,
  beganMs: number,
): Promise<ResultRequest> {
  const progress = new Progress(screen);
  for (let request = submitted; ; request = await api.request(submitted.id)) {
    const elapsedMs = performance.now() - beganMs;
    progress.show(request.counts, elapsedMs);
    if (request.settledAt !== null) {
      screen.clear();
      return request;
    }
    if (elapsedMs > SETTLED_WITHIN_MS) {
      throw new Error(`${request.counts.pending} items are still pending after ${seconds(elapsedMs)}`);
    }
    await pause(POLL_MS, undefined, { signal });
  }
}

function write(outDir: string, contents: Readonly<Record<string, string | Buffer>>): string[] {
  mkdirSync(outDir, { recursive: true });
  return Object.entries(contents).map(([name, content]) => {
    const path = resolve(outDir, name);
    writeFileSync(path, content);
    return relative(process.cwd(), path);
  });
}
