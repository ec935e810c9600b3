/** The ledger's tree and its signed heads, as rows. */
import type { Tile, TilePlace } from '../core/tiles.js';
import type { Statement, Transaction } from './database.js';

type Reader = Pick<Transaction, 'rows'>;

/** One sealer at a time, in all processes, until the transaction ends. */
const LOCK_LEDGER: Statement = {
  name: 'lock-ledger',
  text: "select pg_advisory_xact_lock(hashtext('expunge ledger'))",
};
const TRY_LOCK_LEDGER: Statement = {
  name: 'try-lock-ledger',
  text: "select pg_try_advisory_xact_lock(hashtext('expunge ledger')) as got",
};

export async function lockLedger(tx: Transaction): Promise<void> {
  await tx.run(LOCK_LEDGER);
}

/** False when somebody else seals at the moment. */
export async function tryLockLedger(tx: Transaction): Promise<boolean> {
  return (await tx.rows<{ got: boolean }>(TRY_LOCK_LEDGER))[0]?.got === true;
}

const READ_ORIGIN: Statement = { name: 'read-ledger-origin', text: 'select origin from ledger' };

/** The name of this log. */
export async function readOrigin(reader: Reader): Promise<string> {
  const row = (await reader.rows<{ origin: string }>(READ_ORIGIN))[0];
  if (!row) throw new Error('the ledger has no name');
  return row.origin;
}

export interface SignedHead {
  readonly size: number;
  readonly root: Buffer;
  readonly note: string;
}
const READ_HEAD: Statement = {
  name: 'read-checkpoint',
  text: 'select size::float8 as size, root, note from ledger_checkpoint order by size desc limit 1',
};

/** The newest checkpoint, or null for a ledger that has none yet. */
export async function readHead(reader: Reader): Promise<SignedHead | null> {
  return (await reader.rows<SignedHead>(READ_HEAD))[0] ?? null;
}

const PUBLISH_HEAD: Statement = {
  name: 'publish-checkpoint',
  text: `update ledger_checkpoint set published_at = coalesce(published_at, now())
    where size = (select max(size) from ledger_checkpoint) returning size::float8 as size, root, note`,
};

/** The newest checkpoint, remembered as one that others hold from now on. */
export async function publishHead(reader: Reader): Promise<SignedHead | null> {
  return (await reader.rows<SignedHead>(PUBLISH_HEAD))[0] ?? null;
}

const READ_PUBLISHED: Statement = {
  name: 'read-published-checkpoints',
  text: `select size::float8 as size, root, note from ledger_checkpoint
    where size = $3 or size in (select size from ledger_checkpoint where published_at is not null and size < $1 order by size desc limit $2)
    order by size`,
};

/** The newest checkpoints below `size` that were given out, at most `limit`, and the one of the size `also`; smallest first. */
export async function readPublished(
  reader: Reader,
  size: number,
  limit: number,
  also: number | null,
): Promise<SignedHead[]> {
  return (await reader.rows<SignedHead>(READ_PUBLISHED, [size, limit, also])).filter((head) => head.size < size);
}

const INSERT_HEAD: Statement = {
  name: 'insert-checkpoint',
  text: 'insert into ledger_checkpoint (size, root, note) values ($1, $2, $3)',
};
export async function insertHead(tx: Transaction, head: SignedHead): Promise<void> {
  await tx.run(INSERT_HEAD, [head.size, head.root, head.note]);
}

const EXTEND_NOTE: Statement = {
  name: 'extend-note',
  text: 'update ledger_checkpoint set note = $2 where size = $1',
};

/** Puts a note with further signatures in the place of the one before. */
export async function extendNote(tx: Transaction, size: number, note: string): Promise<void> {
  await tx.run(EXTEND_NOTE, [size, note]);
}

const ADD_KEYS: Statement = {
  name: 'add-ledger-keys',
  text: 'insert into ledger_key (verifier_key) select unnest($1::text[]) on conflict do nothing',
};
const READ_KEYS: Statement = {
  name: 'read-ledger-keys',
  text: 'select verifier_key as "verifierKey" from ledger_key order by first_at, verifier_key',
};
export async function addVerifierKeys(tx: Transaction, keys: readonly string[]): Promise<void> {
  await tx.run(ADD_KEYS, [keys]);
}

/** Of every key that ever signed, oldest first. */
export async function readVerifierKeys(reader: Reader): Promise<string[]> {
  return (await reader.rows<{ verifierKey: string }>(READ_KEYS)).map((row) => row.verifierKey);
}

const READ_TILES: Statement = {
  name: 'read-tiles',
  text: `select t.level, t.no::float8 as no, t.hashes from unnest($1::smallint[], $2::bigint[]) as w (level, no)
    join ledger_tile t on t.level = w.level and t.no = w.no`,
};
const SAVE_TILES: Statement = {
  name: 'save-tiles',
  text: `insert into ledger_tile (level, no, hashes) select * from unnest($1::smallint[], $2::bigint[], $3::bytea[])
    on conflict (level, no) do update set hashes = excluded.hashes`,
};

export async function readTiles(reader: Reader, places: readonly TilePlace[]): Promise<Tile[]> {
  if (places.length === 0) return [];
  return reader.rows<Tile & { level: number }>(READ_TILES, [
    places.map((place) => place.level),
    places.map((place) => place.no),
  ]);
}

/** Writes tiles that are new, and new ends of tiles that grew. */
export async function saveTiles(tx: Transaction, tiles: readonly Tile[]): Promise<void> {
  await tx.run(SAVE_TILES, [
    tiles.map((tile) => tile.level),
    tiles.map((tile) => tile.no),
    tiles.map((tile) => tile.hashes),
  ]);
}
