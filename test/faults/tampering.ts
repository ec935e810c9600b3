/**
 * Somebody with all rights on the database, who does not hold the signing key: what they may do to the ledger while the
 * service works, and how it is put back. They hold the sealer's lock meanwhile, so that nothing is signed on top of it,
 * and touch only streams in which nothing happens any more.
 */
import { generateKeyPairSync } from 'node:crypto';
import type { PoolClient } from 'pg';
import { signCheckpoint, signerOf } from '../../src/core/checkpoint.js';
import { rootOf } from '../../src/core/merkle.js';
import { Tiles } from '../../src/core/tiles.js';
import type { Dice } from '../truth/dice.js';
import { hashOfLeaf } from './signed-tree.js';
import type { Stage } from './stage.js';

const LOCK = "select pg_advisory_lock(hashtext('expunge ledger'))";
const UNLOCK = "select pg_advisory_unlock(hashtext('expunge ledger'))";

/** A sealed event of a request in which nothing happens any more. */
export interface Settled {
  readonly stream: string;
  readonly seq: number;
  readonly leafIndex: number;
}

export interface Way {
  readonly what: string;
  /** Does it, and gives what the audit must then say first. */
  tamper(vandal: Vandal, events: readonly Settled[], dice: Dice): Promise<RegExp>;
}

export class Vandal {
  private constructor(
    private readonly client: PoolClient,
    private readonly end: () => Promise<void>,
  ) {}

  static async enter(stage: Stage): Promise<Vandal> {
    const pool = stage.postgres.pool(stage.database, 1);
    const client = await pool.connect();
    // A superuser's way round every trigger.
    await client.query('set session_replication_role = replica');
    return new Vandal(client, async () => {
      client.release();
      await pool.end();
    });
  }

  async leave(): Promise<void> {
    await this.end();
  }

  async run<Row extends object>(text: string, ...values: readonly unknown[]): Promise<Row[]> {
    return (await this.client.query<Row>(text, [...values])).rows;
  }

  /** Keeps the ledger as it is, lets `tamper` at it, and puts it back when `look` is done; nothing is sealed meanwhile. */
  async whileLocked(tamper: () => Promise<void>, look: () => Promise<void>): Promise<void> {
    await this.run(LOCK);
    try {
      await this.keep();
      await tamper();
      await look();
    } finally {
      await this.restore();
      await this.run(UNLOCK);
    }
  }

  /** Tampers so that the sealers see it, looks at what they do, and puts back what `undo` says. */
  async amongSealers(tamper: string, look: () => Promise<void>, undo: string): Promise<void> {
    await this.run(LOCK);
    await this.run(tamper);
    await this.run(UNLOCK);
    try {
      await look();
    } finally {
      await this.run(undo);
    }
  }

  private async keep(): Promise<void> {
    for (const table of ['ledger_event', 'ledger_tile', 'ledger_checkpoint']) {
      await this.run(`create temporary table kept_${table} as table ${table}`);
    }
  }

  /** What came meanwhile is younger than everything that was kept, and of other streams than those tampered with. */
  private async restore(): Promise<void> {
    await this.run('begin');
    await this.run(`delete from ledger_event e where e.leaf_index is not null or e.seq > 100
      or exists (select from kept_ledger_event k where k.stream = e.stream and k.seq = e.seq and k.leaf_index is not null)`);
    await this.run('insert into ledger_event select * from kept_ledger_event where leaf_index is not null');
    for (const table of ['ledger_tile', 'ledger_checkpoint']) {
      await this.run(`delete from ${table}`);
      await this.run(`insert into ${table} select * from kept_${table}`);
    }
    for (const table of ['ledger_event', 'ledger_tile', 'ledger_checkpoint'])
      await this.run(`drop table kept_${table}`);
    await this.run('commit');
  }

  /** The tiles that the events now make, and a head over them, signed with a key of one's own. */
  async sealAnew(size: number, sign: boolean): Promise<void> {
    const leaves = await this.run<{ hash: Buffer }>(
      'select leaf_hash as hash from ledger_event where leaf_index < $1 order by leaf_index',
      size,
    );
    const tiles = new Tiles([]);
    tiles.grow(
      0,
      leaves.map(({ hash }) => hash),
    );
    await this.run('delete from ledger_tile');
    for (const { level, no, hashes } of tiles.changed()) {
      await this.run('insert into ledger_tile (level, no, hashes) values ($1, $2, $3)', level, no, hashes);
    }
    if (!sign) return;
    const [ledger] = await this.run<{ origin: string }>('select origin from ledger');
    const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const root = rootOf(size, tiles.subtree);
    const origin = ledger?.origin ?? '';
    const note = signCheckpoint({ origin, size, root }, [signerOf(pem, origin)]);
    await this.run('update ledger_checkpoint set root = $2, note = $3 where size = $1', size, root, note);
  }
}

/** What the audit sees, whoever seals or not. */
export const WAYS: readonly Way[] = [
  {
    what: 'a byte of an event flipped',
    async tamper(vandal, events, dice) {
      const { stream, seq, leafIndex } = dice.one(events);
      await vandal.run(
        `update ledger_event set body = overlay(body placing (case when substr(body, $2, 1) = 'x' then 'y' else 'x' end) from $2 for 1)
          where leaf_index = $1`,
        leafIndex,
        1 + dice.below(80),
      );
      return new RegExp(`event ${seq} of ${stream}: its bytes are not those`);
    },
  },
  {
    what: 'an event deleted',
    async tamper(vandal, events, dice) {
      const { leafIndex } = dice.one(events);
      await vandal.run('delete from ledger_event where leaf_index = $1', leafIndex);
      return new RegExp(`leaf ${leafIndex}: its event is missing`);
    },
  },
  {
    what: 'an event inserted',
    async tamper(vandal, events, dice) {
      const { stream, seq, leafIndex } = dice.one(events);
      await vandal.run(
        `insert into ledger_event (stream, seq, body, leaf_hash)
          select stream, seq + 100, body, leaf_hash from ledger_event where leaf_index = $1`,
        leafIndex,
      );
      return new RegExp(`event ${seq + 100} of ${stream}: `);
    },
  },
  {
    what: 'two events swapped',
    async tamper(vandal, events, dice) {
      const one = dice.one(events);
      const other = dice.one(events.filter((event) => event !== one));
      await vandal.run(
        `with moved as (select leaf_index, body, leaf_hash from ledger_event where leaf_index in ($1, $2))
          update ledger_event e set body = m.body, leaf_hash = m.leaf_hash from moved m
          where e.leaf_index in ($1, $2) and m.leaf_index <> e.leaf_index`,
        one.leafIndex,
        other.leafIndex,
      );
      const first = one.leafIndex < other.leafIndex ? one : other;
      return new RegExp(`event ${first.seq} of ${first.stream}: the row stands for another event`);
    },
  },
  {
    what: 'two requests swapped',
    async tamper(vandal, events, dice) {
      const one = dice.one(events).stream;
      const other = dice.one(events.filter(({ stream }) => stream !== one)).stream;
      for (const [from, to] of [
        [one, 'swapped'],
        [other, one],
        ['swapped', other],
      ]) {
        await vandal.run('update ledger_event set stream = $2 where stream = $1', from, to);
      }
      return new RegExp(`event 1 of (${one}|${other}): the row stands for another event`);
    },
  },
  {
    what: 'a chain made anew without the key',
    async tamper(vandal, events, dice) {
      const { stream, leafIndex } = dice.one(events);
      await chainAnew(vandal, stream, leafIndex);
      const sizes = await vandal.run<{ size: number }>(
        'select size::float8 as size from ledger_checkpoint order by size',
      );
      const newest = sizes.at(-1)?.size ?? 0;
      await vandal.sealAnew(newest, true);
      const first = sizes.find(({ size }) => size > leafIndex)?.size ?? newest;
      return new RegExp(`checkpoint of ${first} events: `);
    },
  },
];

/** Only where nothing happens at all: what is cut off is the end of somebody's stream. Seen by who kept a later head. */
export const TAIL_CUT: Way = {
  what: 'the tail cut off behind a checkpoint',
  async tamper(vandal, _, dice) {
    const sizes = await vandal.run<{ size: number }>(
      'select size::float8 as size from ledger_checkpoint order by size',
    );
    const whole = sizes.at(-1)?.size ?? 0;
    const { size } = dice.one(sizes.slice(1, -1));
    await vandal.run('delete from ledger_checkpoint where size > $1', size);
    await vandal.run('delete from ledger_event where leaf_index >= $1', size);
    await vandal.sealAnew(size, false);
    return new RegExp(`the log ends at ${size} events, and had ${whole}`);
  },
};

/** From this event on, of its stream: another body, and every link and hash after it as they would be. */
async function chainAnew(vandal: Vandal, stream: string, from: number): Promise<void> {
  let prev: string | null = null;
  const own = await vandal.run<{ seq: number; body: string; at: number }>(
    'select seq, body, leaf_index::float8 as at from ledger_event where stream = $1 order by seq',
    stream,
  );
  for (const { seq, body, at } of own) {
    const told: string = at === from ? body.replace('"at":"20', '"at":"19') : body;
    const linked: string = prev === null ? told : told.replace(/"prev":"[^"]*"/, `"prev":"${prev}"`);
    prev = hashOfLeaf(linked);
    await vandal.run(
      'update ledger_event set body = $3, leaf_hash = $4 where stream = $1 and seq = $2',
      stream,
      seq,
      linked,
      Buffer.from(prev, 'base64'),
    );
  }
}
