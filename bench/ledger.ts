/**
 * What evidence costs: events written beside bare inserts of the same rows, the sealer beside both, and a million events
 * verified offline in bundles of 100,000. `LEDGER_EVENTS` makes it smaller.
 */
import { spawnSync } from 'node:child_process';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { createHash, generateKeyPairSync, randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { appendEvents } from '#src/ledger/append.js';
import type { NewEvent } from '#src/ledger/append.js';
import { bundleText } from '#src/ledger/bundle.js';
import { itemsRoot } from '#src/ledger/commitment.js';
import type { CommittedItem } from '#src/ledger/commitment.js';
import { Sealer } from '#src/ledger/seal.js';
import { Database } from '#src/store/database.js';
import { startEmbeddedPostgres } from '#src/store/embedded-postgres.js';
import { migrate } from '#src/store/migrate.js';

const EVENTS = Number(process.env['LEDGER_EVENTS'] ?? 1_000_000);
const BUNDLE_EVENTS = Math.min(100_000, EVENTS);
/** Events of one transaction. */
const TOGETHER = 1000;
const VERIFY_MILLION_SECONDS_MAX = 60;
const SEALED_PER_SECOND_MIN = 2000;
const VERIFIER = fileURLToPath(new URL('../../dist/verify.js', import.meta.url));

const quiet = (): void => undefined;
const since = (beganMs: number): number => (performance.now() - beganMs) / 1000;
const say = (label: string, value: string): void => void process.stdout.write(`  ${label.padEnd(44)}${value}\n`);

/** Runs the bench and prints what came of it. Gives false when a limit is missed. */
export async function benchLedger(): Promise<boolean> {
  process.stdout.write(`ledger: ${EVENTS} events in bundles of ${BUNDLE_EVENTS}\n`);
  const dir = mkdtempSync(join(tmpdir(), 'expunge-ledger-'));
  const postgres = await startEmbeddedPostgres({ dataDir: join(dir, 'data'), durable: true, log: quiet });
  const database = Database.open(postgres.url, 4, quiet);
  try {
    await migrate(database.pool);
    const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const sealer = await Sealer.open(
      database,
      { current: () => Promise.resolve(pem), next: null },
      { refused: quiet, failed: quiet },
    );
    const seconds = { bare: 0, append: 0, seal: 0, bundle: 0, verify: 0 };
    let held = true;
    for (let done = 0; done < EVENTS; done += BUNDLE_EVENTS) {
      const stream = randomUUID();
      let beganMs = performance.now();
      await write(database, stream);
      seconds.append += since(beganMs);
      if (done === 0) seconds.bare = await bareInserts(database);
      beganMs = performance.now();
      await sealer.seal();
      seconds.seal += since(beganMs);
      beganMs = performance.now();
      const file = join(dir, 'evidence.json');
      await pipeline(
        Readable.from(bundleText(database, stream, BUNDLE_EVENTS, nothing(), null)),
        createWriteStream(file),
      );
      seconds.bundle += since(beganMs);
      beganMs = performance.now();
      // As `npm run verify` does it.
      const { status, stdout } = spawnSync(process.execPath, ['--max-semi-space-size=128', VERIFIER, file], {
        encoding: 'utf8',
      });
      seconds.verify += since(beganMs);
      if (status !== 0) process.stdout.write(stdout);
      held &&= status === 0;
    }
    const rate = (of: number, count = EVENTS): string => `${Math.round(count / of)} events/s`;
    const bareRate = BUNDLE_EVENTS / seconds.bare;
    const ratio = (of: number): string => `${(EVENTS / of / bareRate).toFixed(2)} times`;
    say('bare inserts of the same rows', rate(seconds.bare, BUNDLE_EVENTS));
    say('events appended, hashed and chained', `${rate(seconds.append)}  (${ratio(seconds.append)} as fast)`);
    say('events sealed', `${rate(seconds.seal)}  (${ratio(seconds.seal)} as fast)`);
    say('events put into bundles, with proofs', rate(seconds.bundle));
    say('events verified offline', `${rate(seconds.verify)}, ${seconds.verify.toFixed(1)} s in all`);
    const inTime = seconds.verify * (1_000_000 / EVENTS) < VERIFY_MILLION_SECONDS_MAX;
    return held && inTime && EVENTS / seconds.seal >= SEALED_PER_SECOND_MIN;
  } finally {
    await database.close();
    await postgres.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function* nothing(): AsyncGenerator<string> {}

/** A whole request: received, a call for each item, settled, exported. */
function* requestEvents(stream: string): Generator<NewEvent> {
  const items = Array.from({ length: BUNDLE_EVENTS - 3 }, (): CommittedItem => {
    const id = randomUUID();
    return [id, createHash('sha256').update(id).digest('base64')];
  });
  const system = 'supermemory.documents';
  const about = { stream, actor: 'service' };
  const count = items.length;
  const received = { items: { count, root: itemsRoot(items), systems: { [system]: count } } };
  yield { ...about, type: 'received', data: { source: 'api', subject: null, note: null, ...received } };
  for (const item of items) {
    const said = {
      answer: 'erased',
      outcome: 'erased',
      evidence: 'reconciled',
      reason: null,
      selector: null,
      pass: null,
    };
    const call = { attempt: randomUUID(), system, probe: false, verdict: 'answered', effect: null, httpStatus: 200 };
    const numbers = { asked: 1, named: 0, counted: 1, anomalies: [], late: false, response: item[1] };
    yield { ...about, type: 'call', data: { ...call, ...numbers, results: [{ ...said, items: [item] }] } };
  }
  yield {
    ...about,
    type: 'settled',
    data: { status: 'completed', counts: { pending: 0, erased: count, resolved: 0 } },
  };
  yield { ...about, type: 'exported', data: { kind: 'evidence', disclosed: false } };
}

async function write(database: Database, stream: string): Promise<void> {
  let batch: NewEvent[] = [];
  const flush = async (): Promise<void> => {
    const events = batch;
    batch = [];
    await database.transaction((tx) => appendEvents(tx, events));
  };
  for (const event of requestEvents(stream)) {
    if (batch.push(event) === TOGETHER) await flush();
  }
  await flush();
}

/** The rows of the first bundle into a table without rules, as fast as one connection goes. */
async function bareInserts(database: Database): Promise<number> {
  await database.pool.query(
    'create table bare (stream text, seq integer, body text, leaf_hash bytea, primary key (stream, seq))',
  );
  let seconds = 0;
  for (let from = 1; from <= BUNDLE_EVENTS; from += TOGETHER) {
    const { rows } = await database.pool.query<{ stream: string; seq: number; body: string; leaf_hash: Buffer }>(
      'select stream, seq, body, leaf_hash from ledger_event where seq between $1 and $2',
      [from, from + TOGETHER - 1],
    );
    const columns = [rows.map((row) => row.stream), rows.map((row) => row.seq), rows.map((row) => row.body)];
    const beganMs = performance.now();
    await database.pool.query('insert into bare select * from unnest($1::text[], $2::int[], $3::text[], $4::bytea[])', [
      ...columns,
      rows.map((row) => row.leaf_hash),
    ]);
    seconds += since(beganMs);
  }
  return seconds;
}
