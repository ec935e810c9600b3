/**
 * A CSV of 1,000,000 IDs, 20 to a subject, imported over HTTP while it is written, beside bare SQL that inserts as many item
 * rows, a subject's in a transaction of their own. Speed in IDs a second; memory as growth over an idle service.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { request as open } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { Database } from '#src/store/database.js';
import { startEmbeddedPostgres } from '#src/store/embedded-postgres.js';
import { apiEnvironment, residentMebibytes, startScript } from './processes.js';

const IDS = Number(process.env['IMPORT_IDS'] ?? 1_000_000);
const IDS_EACH = 20;
const BARE_SUBJECTS = 2_000;
const BARE_AT_ONCE = 8;
const PER_SECOND_MIN = 5_000;
const GROWTH_MAX_MIB = 128;
const SAMPLE_MS = 50;
const KEY = 'bench-bench-bench-bench-bench-bench-bench';
const HEADER = 'subject_ref,system,organization_id,document_id,external_id';

/** Runs the bench and prints its figures. Gives false when a limit is missed. */
export async function benchImport(): Promise<boolean> {
  const dir = mkdtempSync(join(tmpdir(), 'expunge-bench-'));
  const postgres = await startEmbeddedPostgres({ dataDir: join(dir, 'data'), durable: true, log: () => undefined });
  const database = Database.open(postgres.url, BARE_AT_ONCE, () => undefined);
  try {
    const bare = await insertBare(database);
    const service = await startScript(
      'dist/main.js',
      [],
      apiEnvironment(join(dir, 'service'), postgres.url, KEY),
      (line) => line.includes('"ready"'),
    );
    const { url } = JSON.parse(service.firstLine) as { url: string };
    await importCsv(url, IDS_EACH * 100, 'warm');
    const pid = service.process.pid ?? 0;
    const idle = residentMebibytes(pid);
    let growth = 0;
    const sampler = setInterval(() => {
      growth = Math.max(growth, residentMebibytes(pid) - idle);
    }, SAMPLE_MS);
    const perSecond = await importCsv(url, IDS, 'bulk');
    clearInterval(sampler);
    await service.stop();
    process.stdout.write(`import: ${IDS} IDs as CSV, ${IDS_EACH} to a subject\n`);
    process.stdout.write(`  bare SQL, IDs a second            ${bare.toFixed(0)}\n`);
    process.stdout.write(`  import, IDs a second              ${perSecond.toFixed(0)}  (at least ${PER_SECOND_MIN})\n`);
    process.stdout.write(`  ratio                             ${(bare / perSecond).toFixed(2)}\n`);
    process.stdout.write(`  growth of the service's memory    ${growth.toFixed(0)} MiB  (limit ${GROWTH_MAX_MIB})\n`);
    return perSecond >= PER_SECOND_MIN && growth < GROWTH_MAX_MIB;
  } finally {
    await database.close();
    await postgres.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** IDs a second that bare SQL inserts: rows as wide as an item's, a transaction a subject, as many at once as the import. */
async function insertBare(database: Database): Promise<number> {
  await database.pool.query(
    'create table bare (request uuid, id uuid primary key, digest bytea, lane bytea, due timestamptz)',
  );
  const startedAtMs = performance.now();
  let left = BARE_SUBJECTS;
  const work = async () => {
    for (; left > 0; left -= 1) {
      const ids = Array.from({ length: IDS_EACH }, () => randomUUID());
      await database.pool.query(
        `insert into bare select $1::uuid, id, decode(md5(id::text), 'hex'), decode(md5($1::uuid::text), 'hex'), now() from unnest($2::uuid[]) as i (id)`,
        [randomUUID(), ids],
      );
    }
  };
  await Promise.all(Array.from({ length: BARE_AT_ONCE }, work));
  return (BARE_SUBJECTS * IDS_EACH * 1000) / (performance.now() - startedAtMs);
}

function* csv(ids: number, prefix: string): Generator<string> {
  yield `${HEADER}\n`;
  for (let from = 0; from < ids; from += IDS_EACH) {
    const subject = `${prefix}-${from}`;
    const lines = Array.from(
      { length: IDS_EACH },
      (_, n) => `${subject},supermemory.documents,,,doc-${prefix}-${from + n}\n`,
    );
    yield lines.join('');
  }
}

/** IDs a second, all of them stored. */
function importCsv(api: string, ids: number, prefix: string): Promise<number> {
  const startedAtMs = performance.now();
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'text/csv' };
    const sending = open(`${api}/v1/erasure-requests/import`, { method: 'POST', headers }, (answer) => {
      let stored = 0;
      let rest = '';
      answer.on('data', (bytes: Buffer) => {
        const lines = (rest + bytes.toString()).split('\n');
        rest = lines.pop() ?? '';
        stored += lines.filter((line) => line.includes('"id"')).length;
      });
      answer.on('error', reject);
      answer.on('end', () => {
        if (stored * IDS_EACH === ids) resolve((ids * 1000) / (performance.now() - startedAtMs));
        else reject(new Error(`${stored} requests were made of ${ids / IDS_EACH}`));
      });
    });
    sending.on('error', reject);
    Readable.from(csv(ids, prefix), { objectMode: false }).pipe(sending);
  });
}
