/**
 * One request of 20,000 Supermemory IDs through the whole service (submitted over HTTP, recorded ID by ID, settled),
 * beside a plain script that sends the same deletions with the same concurrency and records nothing, and one that records
 * the least that deserves the name. All run against the same sandbox with 20 ms latency, in turn, each in a process of
 * its own; the scripts' database is started and set as the service's own.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startEmbeddedPostgres } from '#src/store/embedded-postgres.js';
import { peakMebibytes, startScript } from './processes.js';

const IDS = 20_000;
const LATENCY_MS = 20;
const CONCURRENCY = 8;
const ROUNDS = 5;
const POLL_MS = 50;
const KEY = 'bench-bench-bench-bench-bench-bench-bench';

/** Runs the bench and prints its ratios. Gives false when a limit is missed. */
export async function benchPipeline(): Promise<boolean> {
  const dir = mkdtempSync(join(tmpdir(), 'expunge-bench-'));
  const started: { stop: () => Promise<void> }[] = [];
  try {
    const seedFile = join(dir, 'seed.json');
    writeFileSync(seedFile, JSON.stringify({ existingPrefixes: { 'supermemory.documents': ['bench-'] } }));
    const sandboxArgs = ['--latency-ms', String(LATENCY_MS), '--seed-file', seedFile];
    const sandbox = await startScript('dist/sandbox/main.js', sandboxArgs, {}, (line) => line.startsWith('{'));
    started.unshift(sandbox);
    const { url } = JSON.parse(sandbox.firstLine) as { url: string };
    const service = await startScript('dist/main.js', [], serviceEnv(join(dir, 'data'), url), (line) =>
      line.includes('"ready"'),
    );
    started.unshift(service);
    const api = (JSON.parse(service.firstLine) as { url: string }).url;
    const postgres = await startEmbeddedPostgres({ dataDir: join(dir, 'least'), durable: true, log: () => undefined });
    started.unshift(postgres);
    const script: number[] = [];
    const least: number[] = [];
    const whole: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      script.push(await runScript('plain-script', url, `bench-script-${round}-`));
      least.push(await runScript('recording-script', url, `bench-least-${round}-`, postgres.url));
      whole.push(await runRequest(api, `bench-service-${round}-`));
    }
    return report(script, least, whole, peakMebibytes(service.process.pid ?? 0));
  } finally {
    for (const one of started) await one.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

function serviceEnv(dataDir: string, url: string): Record<string, string> {
  return {
    DATA_DIR: dataDir,
    PORT: '0',
    LOG_LEVEL: 'info',
    BOOTSTRAP_API_KEY: KEY,
    SUPERMEMORY_API_URL: url,
    SUPERMEMORY_API_KEY: 'sm_sandbox_key',
    SUPERMEMORY_CONCURRENCY: String(CONCURRENCY),
  };
}

async function runScript(name: string, url: string, prefix: string, ...more: readonly string[]): Promise<number> {
  const args = [url, prefix, String(IDS), '100', String(CONCURRENCY), ...more];
  const script = await startScript(`dist-bench/bench/${name}.js`, args, {}, () => true);
  return Number(script.firstLine);
}

async function runRequest(api: string, prefix: string): Promise<number> {
  const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
  const ids = Array.from({ length: IDS }, (_, index) => `${prefix}${index}`);
  const body = JSON.stringify({ subject: { ref: prefix }, targets: [{ system: 'supermemory.documents', ids }] });
  const startedAtMs = Date.now();
  const answer = await fetch(`${api}/v1/erasure-requests`, { method: 'POST', headers, body });
  if (answer.status !== 202) throw new Error(`submit answered ${answer.status}`);
  const { id } = (await answer.json()) as { id: string };
  for (;;) {
    const request = (await (await fetch(`${api}/v1/erasure-requests/${id}`, { headers })).json()) as {
      settledAt: string | null;
      counts: { erased: number };
    };
    if (request.settledAt !== null) {
      if (request.counts.erased !== IDS) throw new Error(`${request.counts.erased} of ${IDS} erased`);
      return Date.parse(request.settledAt) - startedAtMs;
    }
    await pause(POLL_MS);
  }
}

function report(script: readonly number[], least: readonly number[], whole: readonly number[], peak: number): boolean {
  const say = (label: string, values: readonly number[]) =>
    process.stdout.write(
      `${label.padEnd(34)}${values.map((value) => `${Math.round(value)}`.padStart(7)).join('')}  ms\n`,
    );
  process.stdout.write(
    `pipeline: ${IDS} Supermemory IDs in one request, ${LATENCY_MS} ms latency, ${CONCURRENCY} calls at once\n`,
  );
  say('  plain script, records nothing', script);
  say('  script that records the least', least);
  say('  service, submit to settled', whole);
  const ratio = median(whole) / median(script);
  process.stdout.write(
    `  ratio of the medians              ${ratio.toFixed(2)}  (limit 2.00)\n` +
      `  of it the least record            ${(median(least) / median(script)).toFixed(2)}\n` +
      `  service to the least record       ${(median(whole) / median(least)).toFixed(2)}\n`,
  );
  process.stdout.write(`  peak memory of the service        ${peak.toFixed(0)} MiB  (limit 400)\n`);
  return ratio <= 2 && peak < 400;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
