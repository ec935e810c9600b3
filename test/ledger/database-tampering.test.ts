import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signCheckpoint, signerOf } from '../../src/core/checkpoint.js';
import { leafHash, rootOf } from '../../src/core/merkle.js';
import { Tiles } from '../../src/core/tiles.js';
import { auditLedger } from '../../src/ledger/audit.js';
import type { Transaction } from '../../src/store/database.js';
import { readHead, readOrigin } from '../../src/store/ledger-tree.js';
import { makeKey, testLedger } from './ledgers.js';
import type { TestLedger } from './ledgers.js';

const key = makeKey();
let ledger: TestLedger;
let verifierKey: string;
/** The head that somebody keeps where the database cannot reach it. */
let kept: string;
beforeAll(async () => {
  ledger = await testLedger();
  const sealer = await ledger.open(key);
  verifierKey = sealer.verifierKey;
  for (let round = 0; round < 4; round += 1) {
    await ledger.write(3, 6);
    await sealer.seal();
  }
  kept = (await readHead(ledger.database))?.note ?? '';
});
afterAll(async () => ledger.close());

const EVENTS = 72;
class Undo extends Error {}

/** What the audit says once somebody with all rights has run these statements; all of it is undone. */
async function auditAfter(
  tamper: (run: (text: string, ...values: unknown[]) => Promise<number>, tx: Transaction) => Promise<void>,
): Promise<string | null> {
  let wrong: string | null = 'no audit';
  try {
    await ledger.database.transaction(async (tx) => {
      // A superuser's way round every trigger.
      await tx.run({ name: '', text: 'set local session_replication_role = replica' });
      await tamper((text, ...values) => tx.run({ name: '', text }, values), tx);
      ({ wrong } = await auditLedger(tx, verifierKey, kept));
      throw new Undo();
    });
  } catch (error) {
    if (!(error instanceof Undo)) throw error;
  }
  return wrong;
}

const leaf = fc.nat({ max: EVENTS - 1 });
const two = fc.uniqueArray(leaf, { minLength: 2, maxLength: 2 });

describe('the ledger, tampered with by somebody who may do anything to the database', () => {
  it('holds as long as nobody does', async () => {
    expect(await auditAfter(() => Promise.resolve())).toBeNull();
  });

  it('names the event of which a bit was flipped', async () => {
    await fc.assert(
      fc.asyncProperty(leaf, fc.nat(), async (index, at) => {
        const wrong = await auditAfter(async (run) => {
          await run(
            `update ledger_event set body = overlay(body placing (case when substr(body, $2, 1) = 'x' then 'y' else 'x' end) from $2 for 1)
              where leaf_index = $1`,
            index,
            1 + (at % 80),
          );
        });
        const [event] = (
          await ledger.postgres.pool.query<{ stream: string; seq: number }>(
            'select stream, seq from ledger_event where leaf_index = $1',
            [index],
          )
        ).rows;
        expect(wrong).toMatch(new RegExp(`^event ${event?.seq} of ${event?.stream}: `));
      }),
      { numRuns: 150 },
    );
  });

  it('names the place of an event that is gone, doubled or moved', async () => {
    await fc.assert(
      fc.asyncProperty(two, fc.nat({ max: 4 }), async ([a = 0, b = 1], how) => {
        const wrong = await auditAfter(async (run) => {
          if (how === 0) await run('delete from ledger_event where leaf_index = $1', a);
          if (how === 1)
            await run(
              `with moved as (select leaf_index, body, leaf_hash from ledger_event where leaf_index in ($1, $2))
                update ledger_event e set body = m.body, leaf_hash = m.leaf_hash from moved m
                where e.leaf_index in ($1, $2) and m.leaf_index <> e.leaf_index`,
              a,
              b,
            );
          if (how === 2)
            await run(
              `with moved as (update ledger_event set leaf_index = null where leaf_index = $1 returning stream)
                select 1 from moved`,
              a,
            );
          if (how === 3) await run(`update ledger_event set seq = seq + 1000 where leaf_index = $1`, a);
          if (how === 4)
            await run(
              `insert into ledger_event (stream, seq, body, leaf_hash, leaf_index)
                select stream, seq + 100, body, leaf_hash, null from ledger_event where leaf_index = $1`,
              a,
            );
        });
        expect(wrong).toMatch(/^(event|leaf) \S+/);
      }),
      { numRuns: 150 },
    );
  });

  it('names a tile or a checkpoint that was changed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 3 }), fc.nat({ max: 2000 }), async (how, at) => {
        const wrong = await auditAfter(async (run) => {
          if (how === 0)
            await run('update ledger_tile set hashes = set_byte(hashes, $1, 255 - get_byte(hashes, $1))', at);
          if (how === 1) await run('delete from ledger_tile');
          if (how === 2)
            await run('update ledger_checkpoint set root = set_byte(root, $1, 255 - get_byte(root, $1))', at % 32);
          if (how === 3) await run(`update ledger_checkpoint set note = overlay(note placing '7' from 5 for 1)`);
        });
        expect(wrong).toMatch(/^(tile|checkpoint of) \S+/);
      }),
      { numRuns: 60 },
    );
  });

  it('shows a tail that was cut off behind a checkpoint, to whoever kept a later one', async () => {
    const sizes = (await ledger.postgres.pool.query<{ size: string }>('select size from ledger_checkpoint')).rows;
    for (const { size } of sizes.filter((each) => Number(each.size) < EVENTS)) {
      const wrong = await auditAfter(async (run, tx) => {
        await run('delete from ledger_checkpoint where size > $1', size);
        await run('delete from ledger_event where leaf_index >= $1', size);
        await run('delete from ledger_tile');
        await rebuild(run, tx, Number(size));
      });
      expect(wrong).toBe(`the log ends at ${size} events, and had ${EVENTS}`);
    }
  });

  it('shows a history that was made anew from one event on, with another key or with the stolen one', async () => {
    for (const pem of [makeKey(), key]) {
      const wrong = await auditAfter(async (run, tx) => {
        await run(`update ledger_event set body = replace(body, '"no":6', '"no":7') where leaf_index >= 18`);
        await chainAnew(run, tx);
        await run('delete from ledger_tile');
        const root = await rebuild(run, tx, EVENTS);
        const origin = await readOrigin(tx);
        const note = signCheckpoint({ origin, size: EVENTS, root }, [signerOf(pem, origin)]);
        await run('delete from ledger_checkpoint where size > 0');
        await run('insert into ledger_checkpoint (size, root, note) values ($1, $2, $3)', EVENTS, root, note);
      });
      expect(wrong).toMatch(
        pem === key ? /another root than the one kept elsewhere/ : /not signed by a key of this ledger/,
      );
    }
  });
});

type Run = (text: string, ...values: unknown[]) => Promise<number>;
interface Row {
  readonly stream: string;
  readonly seq: number;
  readonly body: string;
}
const readAll = (tx: Transaction): Promise<Row[]> =>
  tx.rows<Row>({
    name: '',
    text: 'select stream, seq, body from ledger_event where leaf_index is not null order by leaf_index',
  });

/** Hashes and links as whoever changed the bodies would make them. */
async function chainAnew(run: Run, tx: Transaction): Promise<void> {
  const last = new Map<string, string>();
  for (const { stream, seq, body } of await readAll(tx)) {
    const linked = body.replace(/"prev":"[^"]*"/, `"prev":"${last.get(stream) ?? ''}"`);
    const hash = leafHash(linked);
    await run(
      'update ledger_event set body = $3, leaf_hash = $4 where stream = $1 and seq = $2',
      stream,
      seq,
      linked,
      hash,
    );
    last.set(stream, hash.toString('base64'));
  }
}

/** The tiles that the events now make; gives the root. */
async function rebuild(run: Run, tx: Transaction, size: number): Promise<Buffer> {
  const tiles = new Tiles([]);
  const rows = await readAll(tx);
  tiles.grow(
    0,
    rows.slice(0, size).map(({ body }) => leafHash(body)),
  );
  for (const { level, no, hashes } of tiles.changed()) {
    await run('insert into ledger_tile (level, no, hashes) values ($1, $2, $3)', level, no, hashes);
  }
  return rootOf(size, tiles.subtree);
}
