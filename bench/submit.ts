/**
 * 100 submissions of 10 IDs a second, whatever is answered and when (open loop: a latency counts from the moment at which
 * its request was meant to leave), taken in by a process with ROLE=api. Beside it, in the same run and at the same pace,
 * bare SQL that inserts the same rows into the same tables. Postgres, the service and the generator share the machine.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Database } from '#src/store/database.js';
import { startEmbeddedPostgres } from '#src/store/embedded-postgres.js';
import { newId } from '#src/store/identifiers.js';
import { coreMs, startScript } from './processes.js';

const A_SECOND = 100;
const IDS = 10;
const ROUNDS = 3;
const ROUND_SECONDS = 4;
const WARM_UP_SECONDS = 2;
const P99_MAX_MS = 250;
/** As many as the service holds. */
const CONNECTIONS = 24;
const KEY = 'submit-submit-submit-submit-submit-submit';

/** Runs the bench and prints its figures. Gives false when the limit is missed. */
export async function benchSubmit(): Promise<boolean> {
  const dir = mkdtempSync(join(tmpdir(), 'expunge-submit-'));
  const postgres = await startEmbeddedPostgres({ dataDir: join(dir, 'data'), durable: true, log: () => undefined });
  const service = await startScript('dist/main.js', [], environment(postgres.url), (line) => line.includes('"ready"'));
  const { url } = JSON.parse(service.firstLine) as { url: string };
  const database = Database.open(postgres.url, CONNECTIONS, () => undefined);
  try {
    const submitting = (): Promise<void> => submit(url);
    const inserting = (): Promise<void> => insert(database);
    await openLoop(WARM_UP_SECONDS, submitting);
    await openLoop(WARM_UP_SECONDS, inserting);
    const coresBefore = coreMs(service.process.pid ?? 0);
    const answered: number[] = [];
    const bare: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      bare.push(...(await openLoop(ROUND_SECONDS, inserting)));
      answered.push(...(await openLoop(ROUND_SECONDS, submitting)));
    }
    const cores = (coreMs(service.process.pid ?? 0) - coresBefore) / answered.length;
    await sameRows(database);
    return report(bare, answered, cores);
  } finally {
    await database.close();
    await service.stop();
    await postgres.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

function environment(databaseUrl: string): Readonly<Record<string, string>> {
  return {
    ROLE: 'api',
    DATABASE_URL: databaseUrl,
    DATA_KEY: randomBytes(32).toString('base64'),
    LEDGER_SIGNING_KEY: generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    PORT: '0',
    LOG_LEVEL: 'info',
    BOOTSTRAP_API_KEY: KEY,
    SUPERMEMORY_API_KEY: 'sm_sandbox_key',
  };
}

/** Starts `work` so many times a second, and gives how long after its intended start each one ended, in milliseconds. */
async function openLoop(seconds: number, work: () => Promise<void>): Promise<number[]> {
  const begunMs = performance.now();
  const ends: Promise<number>[] = [];
  for (let no = 0; no < seconds * A_SECOND; no += 1) {
    const intendedMs = begunMs + (no * 1000) / A_SECOND;
    const early = intendedMs - performance.now();
    if (early > 0) await pause(early);
    ends.push(work().then(() => performance.now() - intendedMs));
  }
  return Promise.all(ends);
}

async function submit(url: string): Promise<void> {
  const name = randomBytes(8).toString('hex');
  const ids = Array.from({ length: IDS }, (_, index) => `submit-${name}-${index}`);
  const answer = await fetch(`${url}/v1/erasure-requests`, {
    method: 'POST',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json', 'idempotency-key': name },
    body: JSON.stringify({ subject: { ref: name }, targets: [{ system: 'supermemory.documents', ids }] }),
  });
  await answer.text();
  if (answer.status !== 202) throw new Error(`submit answered ${answer.status}`);
}

const REQUEST = `insert into erasure_request (id, source, actor, received_at, due_at, subject_digest)
  values ($1, 'api', 'bench', now(), now() + interval '1 month', $2)`;
const REQUEST_KEY =
  'insert into request_key (request_id, wrapped, generation) select $1, $2, generation from installation';
const IDEMPOTENCY = `insert into idempotency_key (route, key_digest, request_id) values ('bench', $2, $1)`;
const ITEMS = `insert into item (request_id, id, system, kind, block, slot, digest, lane, order_group, order_rank, deadline)
  select $1, id, 'supermemory.documents', 'id', 1, slot, digest, $4, $4, 0, now() + interval '1 month'
  from unnest($2::uuid[], $3::bytea[]) with ordinality as i (id, digest, slot)`;
const BLOCKS = `insert into sealed_block (request_id, no, sealed)
  select $1, no, sealed from unnest($2::int[], $3::bytea[]) as b (no, sealed)`;

/** What one submission leaves behind, and nothing else: no HTTP, no checks, no sealing. */
async function insert(database: Database): Promise<void> {
  const id = newId();
  const [no, lane] = [Array.from({ length: IDS }), randomBytes(16)];
  await database.transaction(async (tx) => {
    await tx.run({ name: 'bare-request', text: REQUEST }, [id, randomBytes(16)]);
    await tx.run({ name: 'bare-idempotency', text: IDEMPOTENCY }, [id, randomBytes(32)]);
    await tx.run({ name: 'bare-key', text: REQUEST_KEY }, [id, randomBytes(60)]);
    await tx.run({ name: 'bare-items', text: ITEMS }, [id, no.map(newId), no.map(() => randomBytes(16)), lane]);
    await tx.run({ name: 'bare-blocks', text: BLOCKS }, [
      id,
      [-1, 0, 1],
      [900, 80, 700].map((bytes) => randomBytes(bytes)),
    ]);
  });
}

const ROWS = `select r.actor = 'bench' as bare, count(*)::int as requests,
    sum((select count(*) from item i where i.request_id = r.id))::int as items,
    sum((select count(*) from sealed_block b where b.request_id = r.id))::int as blocks,
    sum((select count(*) from request_key k where k.request_id = r.id))::int as keys,
    sum((select count(*) from idempotency_key k where k.request_id = r.id))::int as idempotency
  from erasure_request r group by 1`;

/** Throws when the two did not leave as many rows of every kind. */
async function sameRows(database: Database): Promise<void> {
  const found = await database.rows<{ bare: boolean }>({ name: 'rows-of-both', text: ROWS });
  const [first, second] = found.map(({ bare: _, ...counts }) => JSON.stringify(counts));
  if (found.length !== 2 || first !== second) throw new Error(`not the same rows: ${JSON.stringify(found)}`);
}

function report(bare: readonly number[], service: readonly number[], cores: number): boolean {
  const say = (label: string, values: readonly number[]) =>
    process.stdout.write(
      `${label.padEnd(34)}p50 ${quantile(values, 0.5).toFixed(1).padStart(7)}   p99 ${quantile(values, 0.99).toFixed(1).padStart(7)}  ms\n`,
    );
  const ratio = (q: number): string => (quantile(service, q) / quantile(bare, q)).toFixed(2);
  process.stdout.write(`submit: ${A_SECOND} submissions of ${IDS} IDs a second, ${service.length} each, ROLE=api\n`);
  say('  bare SQL, the same rows', bare);
  say('  service, POST to 202', service);
  process.stdout.write(
    `  ratio                             p50 ${ratio(0.5).padStart(7)}   p99 ${ratio(0.99).padStart(7)}\n`,
  );
  process.stdout.write(`  a submission's time on a core     ${cores.toFixed(1)} ms in the service\n`);
  process.stdout.write(`  limit of the p99                  ${P99_MAX_MS} ms\n`);
  return quantile(service, 0.99) < P99_MAX_MS;
}

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(q * sorted.length) - 1] ?? Number.NaN;
}
