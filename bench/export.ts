/**
 * The period export of 1,000,000 items over HTTP, beside Postgres itself copying the same rows in clear to a file (as
 * psql's \copy does, less the way to the client). Speed as a ratio; memory as growth over an idle service.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { request as open } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Database } from '#src/store/database.js';
import { startEmbeddedPostgres } from '#src/store/embedded-postgres.js';
import { apiEnvironment, residentMebibytes, startScript } from './processes.js';
import type { Running } from './processes.js';

const REQUESTS = 10;
const IDS_EACH = 100_000;
const ROUNDS = 3;
const GROWTH_MAX_MIB = 64;
const SPEED_MIN = 0.25;
const SAMPLE_MS = 25;
const KEY = 'bench-bench-bench-bench-bench-bench-bench';

/** The same columns, as a table in clear. */
const CLEAR = `create table clear as select i.request_id, 'user_' || r.id as subject_ref, r.source, i.system, i.kind,
    null::text as organization_id, null::text as document_id, 'export-' || i.id as external_id, i.outcome, i.evidence, i.reason,
    i.attempts, r.received_at, r.due_at, i.last_attempt_at, i.settled_at
  from erasure_request r join item i on i.request_id = r.id order by r.received_at, r.id, i.id`;

/** Runs the bench and prints its ratios. Gives false when a limit is missed. */
export async function benchExport(): Promise<boolean> {
  const dir = mkdtempSync(join(tmpdir(), 'expunge-bench-'));
  const postgres = await startEmbeddedPostgres({ dataDir: join(dir, 'data'), durable: false, log: () => undefined });
  const database = Database.open(postgres.url, 2, () => undefined);
  const env = apiEnvironment(join(dir, 'service'), postgres.url, KEY);
  try {
    const filler = await startService(env);
    for (let no = 0; no < REQUESTS; no += 1) await submit(urlOf(filler), no);
    await filler.stop();
    await database.pool.query('analyze');
    await database.pool.query(CLEAR);
    const copied: number[] = [];
    const exported: number[] = [];
    let growth = 0;
    const service = await startService(env);
    await exportAll(urlOf(service), `from=${new Date().toISOString()}`);
    const idle = residentMebibytes(service.process.pid ?? 0);
    const sampler = setInterval(() => {
      growth = Math.max(growth, residentMebibytes(service.process.pid ?? 0) - idle);
    }, SAMPLE_MS);
    for (let round = 0; round < ROUNDS; round += 1) {
      copied.push(await copy(database, join(dir, 'clear.csv')));
      exported.push(await exportAll(urlOf(service), '', REQUESTS * IDS_EACH));
    }
    clearInterval(sampler);
    await service.stop();
    return report(copied, exported, growth);
  } finally {
    await database.close();
    await postgres.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

const startService = (env: Record<string, string>): Promise<Running> =>
  startScript('dist/main.js', [], env, (line) => line.includes('"ready"'));
const urlOf = (service: Running): string => (JSON.parse(service.firstLine) as { url: string }).url;

async function submit(api: string, no: number): Promise<void> {
  const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
  const ids = Array.from({ length: IDS_EACH }, (_, index) => `export-${no}-${index}-${'x'.repeat(24)}`);
  const body = JSON.stringify({ subject: { ref: `user_${no}` }, targets: [{ system: 'supermemory.documents', ids }] });
  const answer = await fetch(`${api}/v1/erasure-requests`, { method: 'POST', headers, body });
  if (answer.status !== 202) throw new Error(`submit answered ${answer.status}`);
  await answer.arrayBuffer();
}

/** Milliseconds for the whole export; throws when its last line does not fit what came before. */
function exportAll(api: string, query: string, rows = 0): Promise<number> {
  const startedAtMs = performance.now();
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${KEY}` };
    open(`${api}/v1/reports/items?${query}`, { headers }, (answer) => {
      const hash = createHash('sha256');
      let tail = Buffer.alloc(0);
      answer.on('data', (bytes: Buffer) => {
        const all = Buffer.concat([tail, bytes]);
        tail = all.subarray(-200);
        hash.update(all.subarray(0, all.length - tail.length));
      });
      answer.on('end', () => {
        const end = tail.lastIndexOf('# rows=');
        const digest = hash.update(tail.subarray(0, end)).digest('hex');
        if (tail.subarray(end).toString() === `# rows=${rows} sha256=${digest}\r\n`)
          resolve(performance.now() - startedAtMs);
        else reject(new Error('the export is not whole'));
      });
      answer.on('error', reject);
    })
      .on('error', reject)
      .end();
  });
}

async function copy(database: Database, file: string): Promise<number> {
  const startedAtMs = performance.now();
  await database.pool.query(`copy clear to '${file}' with (format csv, header)`);
  const tookMs = performance.now() - startedAtMs;
  if (statSync(file).size === 0) throw new Error('nothing was copied');
  return tookMs;
}

function report(copied: readonly number[], exported: readonly number[], growth: number): boolean {
  const say = (label: string, values: readonly number[]) =>
    process.stdout.write(
      `${label.padEnd(34)}${values.map((value) => `${Math.round(value)}`.padStart(7)).join('')}  ms\n`,
    );
  process.stdout.write(`export: ${REQUESTS * IDS_EACH} items of ${REQUESTS} requests\n`);
  say('  Postgres copies them in clear', copied);
  say('  the period export, CSV', exported);
  const speed = Math.min(...copied) / Math.min(...exported);
  process.stdout.write(`  speed of the copy                 ${speed.toFixed(2)}  (at least ${SPEED_MIN.toFixed(2)})\n`);
  process.stdout.write(`  growth of the service's memory    ${growth.toFixed(0)} MiB  (limit ${GROWTH_MAX_MIB})\n`);
  return speed >= SPEED_MIN && growth < GROWTH_MAX_MIB;
}
