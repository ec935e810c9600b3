/**
 * What recording costs at the least: sends the deletions as the plain script does, with one row for each ID under the
 * constraints that make a record worth its name, an attempt committed before each call, and the outcomes after it. No call
 * waits for a record but its own attempt's, which is made while the call before it is under way. Nothing is sealed, proved,
 * queued or taken in over HTTP, and nothing here could go on after a kill. Prints the milliseconds that it took, the second
 * time: as warm as a service. Arguments: those of the plain script, and the database's URL.
 */
import { createHash, randomBytes } from 'node:crypto';
import { Pool as Connections } from 'pg';
import type { PoolClient, QueryConfig } from 'pg';
import { Pool } from 'undici';
import { newId } from '#src/store/identifiers.js';

const [url = '', prefix = '', count = '0', perCall = '100', concurrency = '8', databaseUrl = ''] =
  process.argv.slice(2);
const INSERT_AT_ONCE = 2_000;
const SCHEMA = `
  create table least_attempt (id uuid primary key, begun_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz, http_status int, answer_sha256 bytea);
  create table least_item (id uuid primary key, request uuid not null, digest bytea not null,
    outcome text not null default 'pending' check (outcome in ('pending', 'erased', 'already_absent', 'failed')),
    attempt uuid references least_attempt, attempts int not null default 0, updated_at timestamptz,
    unique (request, digest), check (outcome not in ('erased', 'already_absent') or attempt is not null));
  create index least_due on least_item (request) where outcome = 'pending';
  create function least_no_way_back() returns trigger language plpgsql as
    $$ begin raise exception 'no way back'; end $$;
  create trigger no_way_back before update on least_item for each row
    when (old.outcome in ('erased', 'already_absent') and old.outcome is distinct from new.outcome)
    execute function least_no_way_back();`;

const connections = new Connections({
  connectionString: databaseUrl,
  max: 2 * Number(concurrency),
  options: '-c synchronous_commit=on -c enable_seqscan=off -c jit=off -c plan_cache_mode=force_generic_plan',
  pipeline: true,
});
const pool = new Pool(url, { connections: Number(concurrency) });

/** Statements that leave together, and are done together or not at all. */
async function together(statements: readonly QueryConfig[]): Promise<void> {
  const client: PoolClient = await connections.connect();
  try {
    await Promise.all([{ text: 'begin' }, ...statements, { text: 'commit' }].map((one) => client.query(one)));
  } finally {
    client.release();
  }
}

async function send(ids: readonly string[]): Promise<{ status: number; sha256: Buffer }> {
  const { statusCode, body } = await pool.request({
    method: 'DELETE',
    path: '/v3/documents/bulk',
    headers: { authorization: 'Bearer sm_sandbox_key', 'content-type': 'application/json' },
    body: JSON.stringify({ ids }),
  });
  const text = await body.text();
  const { deletedCount } = JSON.parse(text) as { deletedCount: number };
  if (deletedCount !== ids.length) throw new Error(`answered ${statusCode}`);
  return { status: statusCode, sha256: createHash('sha256').update(text).digest() };
}

interface Item {
  readonly id: string;
  readonly externalId: string;
  readonly digest: Buffer;
}

interface Begun {
  readonly attempt: string;
  readonly company: readonly Item[];
}

async function begin(company: readonly Item[]): Promise<Begun> {
  const attempt = newId();
  await together([{ name: 'begun', text: 'insert into least_attempt (id) values ($1)', values: [attempt] }]);
  return { attempt, company };
}

async function record({ attempt, company }: Begun, status: number, sha256: Buffer): Promise<void> {
  await together([
    {
      name: 'outcomes',
      text: `update least_item set outcome = 'erased', attempt = $2, attempts = attempts + 1,
        updated_at = clock_timestamp() where id = any ($1::uuid[])`,
      values: [company.map(({ id }) => id), attempt],
    },
    {
      name: 'ended',
      text: `update least_attempt set ended_at = clock_timestamp(), http_status = $2, answer_sha256 = $3 where id = $1`,
      values: [attempt, status, sha256],
    },
  ]);
}

async function run(named: string): Promise<number> {
  const startedMs = performance.now();
  const request = newId();
  const items = Array.from({ length: Number(count) }, (_, index): Item => {
    const externalId = `${named}${index}`;
    return { id: newId(), externalId, digest: createHash('sha256').update(externalId).digest() };
  });
  const parts = Array.from({ length: Math.ceil(items.length / INSERT_AT_ONCE) }, (_, no) =>
    items.slice(no * INSERT_AT_ONCE, (no + 1) * INSERT_AT_ONCE),
  );
  await together(
    parts.map((part) => ({
      name: 'insert',
      text: 'insert into least_item (id, request, digest) select i, $1, d from unnest($2::uuid[], $3::bytea[]) as t (i, d)',
      values: [request, part.map(({ id }) => id), part.map(({ digest }) => digest)],
    })),
  );
  let next = 0;
  const take = (): Promise<Begun> | null => {
    const company = items.slice(next, next + Number(perCall));
    next += company.length;
    return company.length === 0 ? null : begin(company);
  };
  const records: Promise<void>[] = [];
  const work = async (): Promise<void> => {
    for (let begun = await take(); begun !== null;) {
      const ahead = take();
      const { status, sha256 } = await send(begun.company.map(({ externalId }) => externalId));
      records.push(record(begun, status, sha256));
      begun = await ahead;
    }
  };
  await Promise.all(Array.from({ length: Number(concurrency) }, work));
  await Promise.all(records);
  return performance.now() - startedMs;
}

const { rows } = await connections.query<{ made: boolean }>("select to_regclass('least_item') is not null as made");
if (rows[0]?.made !== true) await connections.query(SCHEMA);
await run(`${prefix}${randomBytes(4).toString('hex')}-`);
process.stdout.write(`${await run(prefix)}\n`);
await connections.end();
await pool.close();
