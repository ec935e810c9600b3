/** The events of the ledger: written once, and given their place in the tree once. */
import type { Statement, Transaction } from './database.js';

type Reader = Pick<Transaction, 'rows'>;

/** Where a stream goes on. */
export interface StreamHead {
  readonly stream: string;
  /** Of its last event; 0 for a stream without any. */
  readonly seq: number;
  readonly hash: Buffer | null;
  /** The database's clock, epoch milliseconds. */
  readonly nowMs: number;
}
const READ_HEADS: Statement = {
  name: 'read-stream-heads',
  text: `select s.stream, coalesce(h.seq, 0) as seq, h.leaf_hash as hash,
      floor(extract(epoch from clock_timestamp()) * 1000)::float8 as "nowMs"
    from unnest($1::text[]) as s (stream)
    left join lateral (select seq, leaf_hash from ledger_event e where e.stream = s.stream order by seq desc limit 1) h on true`,
};

/** Heads of streams whose requests, or gates, the transaction has locked. */
export async function readHeads(tx: Transaction, streams: readonly string[]): Promise<StreamHead[]> {
  return tx.rows<StreamHead>(READ_HEADS, [streams]);
}

const LOCK_EXPORTS: Statement = {
  name: 'lock-exports',
  text: `select pg_advisory_xact_lock(hashtext('expunge exports')) is null as locked`,
};

/** Holds the stream of exports, which has no row of its own to be locked. */
export async function lockExports(tx: Transaction): Promise<void> {
  await tx.run(LOCK_EXPORTS);
}

export interface WrittenEvent {
  readonly stream: string;
  readonly seq: number;
  readonly body: string;
  readonly hash: Buffer;
}
const INSERT_EVENTS: Statement = {
  name: 'insert-events',
  text: `insert into ledger_event (stream, seq, body, leaf_hash)
    select * from unnest($1::text[], $2::int[], $3::text[], $4::bytea[])`,
};
export async function insertEvents(tx: Transaction, events: readonly WrittenEvent[]): Promise<void> {
  await tx.run(INSERT_EVENTS, [
    events.map((event) => event.stream),
    events.map((event) => event.seq),
    events.map((event) => event.body),
    events.map((event) => event.hash),
  ]);
}

export interface StoredEvent {
  readonly seq: number;
  readonly body: string;
  readonly hash: Buffer;
  /** Null until sealed. */
  readonly leafIndex: number | null;
}
const READ_STREAM: Statement = {
  name: 'read-stream',
  text: `select seq, body, leaf_hash as hash, leaf_index::float8 as "leafIndex" from ledger_event
    where stream = $1 and seq > $2 order by seq limit $3`,
};

/** The events of a stream after `afterSeq`, oldest first, at most `limit`. */
export async function readStream(
  reader: Reader,
  stream: string,
  afterSeq: number,
  limit: number,
): Promise<StoredEvent[]> {
  return reader.rows<StoredEvent>(READ_STREAM, [stream, afterSeq, limit]);
}

/** An event without its place in the tree. */
export interface UnsealedEvent {
  readonly stream: string;
  readonly seq: number;
  readonly body: string;
  readonly hash: Buffer;
}
const READ_UNSEALED: Statement = {
  name: 'read-unsealed',
  text: `select stream, seq, body, leaf_hash as hash from ledger_event where leaf_index is null order by stream, seq limit $1`,
};

/** Events that wait for the sealer. Of one stream none is left out before one that is given. */
export async function readUnsealed(tx: Transaction, limit: number): Promise<UnsealedEvent[]> {
  return tx.rows<UnsealedEvent>(READ_UNSEALED, [limit]);
}

const PLACE_EVENTS: Statement = {
  name: 'place-events',
  text: `update ledger_event e set leaf_index = $3::bigint + p.no - 1
    from unnest($1::text[], $2::int[]) with ordinality as p (stream, seq, no) where e.stream = p.stream and e.seq = p.seq`,
};

/** Gives events their places in the tree, in their order, from `size` on. */
export async function placeEvents(tx: Transaction, events: readonly UnsealedEvent[], size: number): Promise<void> {
  await tx.run(PLACE_EVENTS, [events.map((event) => event.stream), events.map((event) => event.seq), size]);
}

const COUNT_UNSEALED: Statement = {
  name: 'count-unsealed',
  text: 'select count(*)::float8 as count from ledger_event where leaf_index is null',
};

/** How many events wait for the sealer. */
export async function countUnsealed(reader: Reader): Promise<number> {
  return (await reader.rows<{ count: number }>(COUNT_UNSEALED))[0]?.count ?? 0;
}
