/** The whole ledger as it is stored, read from its beginning to its end, page by page. */
import type { Tile } from '../core/tiles.js';
import type { Statement, Transaction } from './database.js';
import type { SignedHead } from './ledger-tree.js';

type Reader = Pick<Transaction, 'rows'>;
const PAGE_ROWS = 1000;

export interface AuditedEvent {
  readonly stream: string;
  readonly seq: number;
  readonly body: string;
  readonly hash: Buffer;
  readonly leafIndex: number | null;
}
const READ_PLACED: Statement = {
  name: 'read-placed-events',
  text: `select stream, seq, body, leaf_hash as hash, leaf_index::float8 as "leafIndex" from ledger_event
    where leaf_index > $1 order by leaf_index limit $2`,
};

/** Events in the tree after leaf `after`, in the tree's order. */
export async function readPlaced(reader: Reader, after: number, limit: number): Promise<AuditedEvent[]> {
  return reader.rows<AuditedEvent>(READ_PLACED, [after, limit]);
}

const READ_WAITING: Statement = {
  name: 'read-waiting-events',
  text: `select stream, seq, body, leaf_hash as hash, null::float8 as "leafIndex" from ledger_event
    where leaf_index is null and (stream, seq) > ($1, $2) order by stream, seq limit ${PAGE_ROWS}`,
};

/** Events that wait for the sealer, those of a stream in their order. */
export async function* readWaiting(reader: Reader): AsyncGenerator<AuditedEvent> {
  for (let [stream, seq] = ['', 0]; ;) {
    const rows = await reader.rows<AuditedEvent>(READ_WAITING, [stream, seq]);
    yield* rows;
    const end = rows.at(-1);
    if (!end) return;
    [stream, seq] = [end.stream, end.seq];
  }
}

const READ_CHECKPOINTS: Statement = {
  name: 'read-checkpoints-after',
  text: `select size::float8 as size, root, note from ledger_checkpoint where size > $1 order by size limit ${PAGE_ROWS}`,
};

/** The next checkpoints, smallest first. */
export async function readCheckpointsAfter(reader: Reader, size: number): Promise<SignedHead[]> {
  return reader.rows<SignedHead>(READ_CHECKPOINTS, [size]);
}

const READ_ALL_TILES: Statement = {
  name: 'read-all-tiles',
  text: `select level, no::float8 as no, hashes from ledger_tile where (level, no) > ($1::smallint, $2::bigint)
    order by level, no limit ${PAGE_ROWS}`,
};

/** Every tile, level by level. */
export async function* readStoredTiles(reader: Reader): AsyncGenerator<Tile> {
  for (let [level, no] = [-1, 0]; ;) {
    const rows = await reader.rows<Tile & { level: number }>(READ_ALL_TILES, [level, no]);
    yield* rows;
    const end = rows.at(-1);
    if (!end) return;
    [level, no] = [end.level, end.no];
  }
}
