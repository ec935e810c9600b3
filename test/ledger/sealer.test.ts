import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isSignedBy, readCheckpoint, signerOf } from '../../src/core/checkpoint.js';
import { leafHash, rootOfLeaves } from '../../src/core/merkle.js';
import { auditLedger } from '../../src/ledger/audit.js';
import { readHead, readOrigin } from '../../src/store/ledger-tree.js';
import { until } from '../support/until.js';
import { makeKey, testLedger } from './ledgers.js';
import type { TestLedger } from './ledgers.js';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await testLedger();
});
afterAll(async () => ledger.close());

const key = makeKey();
const rows = async <Row extends object>(text: string, ...values: unknown[]): Promise<Row[]> =>
  (await ledger.postgres.pool.query<Row>(text, values)).rows;
async function verifierKeyOf(pem: string): Promise<string> {
  return signerOf(pem, await readOrigin(ledger.database)).verifierKey;
}

describe('the sealer', () => {
  it('signs the empty tree first', async () => {
    const sealer = await ledger.open(key);
    const head = await readHead(ledger.database);
    expect(head?.size).toBe(0);
    expect(isSignedBy(head?.note ?? '', sealer.verifierKey)).toBe(true);
  });

  it('gives every event one place, those of a stream in their order, and signs the root over all', async () => {
    const sealer = await ledger.open(key);
    const streams = await ledger.write(7, 200);
    await sealer.seal();
    const placed = await rows<{ stream: string; seq: number; body: string; leaf_index: string }>(
      'select * from ledger_event order by leaf_index',
    );
    expect(placed.map((event) => Number(event.leaf_index))).toEqual(placed.map((_, at) => at));
    for (const stream of streams) {
      const seqs = placed.filter((event) => event.stream === stream).map((event) => event.seq);
      expect(seqs).toEqual(seqs.map((_, at) => at + 1));
    }
    const head = await readHead(ledger.database);
    expect(head?.root).toEqual(rootOfLeaves(placed.map(({ body }) => leafHash(body))));
    expect(readCheckpoint(head?.note ?? '')?.size).toBe(placed.length);
  });

  it('leaves one chain of checkpoints when many seal and write at once', async () => {
    const sealers = await Promise.all(Array.from({ length: 4 }, () => ledger.open(key)));
    await Promise.all(
      sealers.flatMap((sealer) => [
        ledger.write(3, 20).then(() => sealer.seal()),
        ledger.write(2, 5).then(() => sealer.seal()),
      ]),
    );
    const audit = await auditLedger(ledger.database, await verifierKeyOf(key), null);
    expect(audit).toMatchObject({ wrong: null });
    const [{ waiting } = { waiting: '' }] = await rows<{ waiting: string }>(
      'select count(*) as waiting from ledger_event where leaf_index is null',
    );
    expect(waiting).toBe('0');
    expect(audit.events).toBe(1400 + 4 * 70);
  });

  it('that is cut off in the middle leaves everything as it was', async () => {
    const sealer = await ledger.open(key);
    await ledger.write(2, 10);
    const before = await readHead(ledger.database);
    for (const table of ['ledger_event', 'ledger_tile', 'ledger_checkpoint']) {
      const event = table === 'ledger_event' ? 'update' : 'insert or update';
      await rows(`create or replace function cut() returns trigger language plpgsql as $$ begin
        perform pg_terminate_backend(pg_backend_pid()); return new; end $$`);
      await rows(`create trigger cut after ${event} on ${table} for each row execute function cut()`);
      await expect(sealer.seal(), table).rejects.toThrow();
      await rows(`drop trigger cut on ${table}`);
      expect(await readHead(ledger.database)).toEqual(before);
    }
    await sealer.seal();
    expect(await auditLedger(ledger.database, sealer.verifierKey, null)).toMatchObject({ wrong: null });
  });

  it('seals by itself', async () => {
    const sealer = await ledger.open(key);
    sealer.start();
    const [stream] = await ledger.write(1, 3);
    await until('the events to be sealed', async () => {
      const found = await rows<{ leaf_index: string | null }>(
        'select leaf_index from ledger_event where stream = $1',
        stream,
      );
      return found.every((event) => event.leaf_index !== null) ? true : undefined;
    });
    await sealer.stop();
    expect(ledger.refusals.at(-1)).toBeNull();
  });
});

describe('a change of the signing key', () => {
  const next = makeKey();

  it('is refused while the new key has signed nothing', async () => {
    await expect(ledger.open(next)).rejects.toThrow(/^LEDGER_SIGNING_KEY is not the key that signed/);
  });

  it('begins with both keys under the same checkpoint, and ends with the new one alone', async () => {
    const before = await readHead(ledger.database);
    const both = await ledger.open(key, next);
    const after = await readHead(ledger.database);
    expect(after?.note.startsWith(before?.note ?? 'none')).toBe(true);
    for (const pem of [key, next]) expect(isSignedBy(after?.note ?? '', await verifierKeyOf(pem))).toBe(true);
    await ledger.write(1, 2);
    await both.seal();
    const grown = await readHead(ledger.database);
    for (const pem of [key, next]) expect(isSignedBy(grown?.note ?? '', await verifierKeyOf(pem))).toBe(true);
    const alone = await ledger.open(next);
    await ledger.write(1, 2);
    await alone.seal();
    const last = await readHead(ledger.database);
    expect(isSignedBy(last?.note ?? '', await verifierKeyOf(key))).toBe(false);
    await ledger.write(1, 1);
    await expect(both.seal()).rejects.toThrow(/was not signed by this process's LEDGER_SIGNING_KEY/);
    await expect(ledger.open(key)).rejects.toThrow(/LEDGER_SIGNING_KEY/);
    await alone.seal();
    expect(await auditLedger(ledger.database, alone.verifierKey, null)).toMatchObject({ wrong: null });
  });
});

describe('the tables of the ledger', () => {
  it('take nothing back', async () => {
    for (const text of [
      'delete from ledger_event',
      'truncate ledger_event',
      "update ledger_event set body = '{}'",
      'update ledger_event set leaf_index = leaf_index + 1000000',
      'update ledger_event set leaf_index = null',
      'delete from ledger_checkpoint',
      "update ledger_checkpoint set root = sha256('')",
      "update ledger_checkpoint set note = 'another'",
      'delete from ledger_tile',
      'update ledger_tile set hashes = substring(hashes for 32) where octet_length(hashes) > 32',
      "update ledger set origin = 'another'",
      'delete from ledger_key',
    ]) {
      await expect(rows(text), text).rejects.toThrow(/is kept for good|is never changed/);
    }
  });

  it('take a second event of the same number from nobody', async () => {
    const stream = randomUUID();
    const insert = `insert into ledger_event (stream, seq, body, leaf_hash) values ($1, 1, '{}', sha256(''))`;
    await rows(insert, stream);
    await expect(rows(insert, stream)).rejects.toThrow(/duplicate key/);
  });
});
