/**
 * Looks at the ledger as it is stored, row by row, with nothing but the key to trust: what somebody with all rights on
 * the database may have changed, and where first.
 */
import { isSignedBy, readCheckpoint } from '../core/checkpoint.js';
import { isJsonObject, own } from '../core/json.js';
import { EMPTY_ROOT, leafHash, rootOf } from '../core/merkle.js';
import { Tiles } from '../core/tiles.js';
import type { Tile } from '../core/tiles.js';
import type { Transaction } from '../store/database.js';
import { readCheckpointsAfter, readPlaced, readStoredTiles, readWaiting } from '../store/ledger-audit.js';
import type { AuditedEvent } from '../store/ledger-audit.js';
import { readVerifierKeys } from '../store/ledger-tree.js';

export interface Audit {
  readonly events: number;
  readonly checkpoints: number;
  /** The first place that does not hold, in one line; null when all does. */
  readonly wrong: string | null;
}

class Found extends Error {}
function check(holds: boolean, where: string): asserts holds {
  if (!holds) throw new Found(where);
}

/**
 * Audits everything that is stored. `verifierKey` is the key that must have signed the newest checkpoint; `older` a
 * checkpoint that somebody kept elsewhere, or null: only with that can a log be told from one that was cut off and signed
 * anew with the stolen key.
 */
export async function auditLedger(
  database: Pick<Transaction, 'rows'>,
  verifierKey: string,
  older: string | null,
): Promise<Audit> {
  const walk = new Walk(database, verifierKey, older);
  try {
    await walk.all();
    return { events: walk.size, checkpoints: walk.checkpoints, wrong: null };
  } catch (error) {
    if (!(error instanceof Found)) throw error;
    return { events: walk.size, checkpoints: walk.checkpoints, wrong: error.message };
  }
}

/** One way through the log, from its first event to its last. */
class Walk {
  size = 0;
  checkpoints = 0;
  private readonly tiles = new Tiles([]);
  /** Of each stream, the last seq and its hash. */
  private readonly streams = new Map<string, { readonly seq: number; readonly hash: string }>();

  constructor(
    private readonly database: Pick<Transaction, 'rows'>,
    private readonly verifierKey: string,
    private readonly older: string | null,
  ) {}

  async all(): Promise<void> {
    const keys = await readVerifierKeys(this.database);
    const known = this.older === null ? null : readCheckpoint(this.older);
    let newest = false;
    for (let last = -1; ;) {
      const heads = await readCheckpointsAfter(this.database, last);
      for (const { size, root, note } of heads) {
        const where = `checkpoint of ${size} events`;
        await this.walkTo(size);
        const said = readCheckpoint(note);
        newest = isSignedBy(note, this.verifierKey);
        check(newest || keys.some((key) => isSignedBy(note, key)), `${where}: not signed by a key of this ledger`);
        check(said?.size === size && said.root.equals(root), `${where}: the note says something else than the row`);
        const made = size === 0 ? EMPTY_ROOT : rootOf(size, this.tiles.subtree);
        check(made.equals(root), `${where}: the events have another root`);
        if (known?.size === size) check(known.root.equals(root), `${where}: another root than the one kept elsewhere`);
        this.checkpoints += 1;
        last = size;
      }
      if (heads.length === 0) break;
    }
    check(newest, 'the newest checkpoint: not signed by the key that was given');
    check(known === null || known.size <= this.size, `the log ends at ${this.size} events, and had ${known?.size}`);
    const [beyond] = await readPlaced(this.database, this.size - 1, 1);
    check(beyond === undefined, `${nameOf(beyond)}: in the tree beyond the last checkpoint`);
    for await (const event of readWaiting(this.database)) this.chain(event);
    await this.compareTiles();
  }

  /** Reads on until the tree has so many events. */
  private async walkTo(size: number): Promise<void> {
    while (this.size < size) {
      const events = await readPlaced(this.database, this.size - 1, Math.min(1000, size - this.size));
      check(events.length > 0, `leaf ${this.size}: its event is missing`);
      for (const [at, event] of events.entries()) {
        check(event.leafIndex === this.size + at, `leaf ${this.size + at}: its event is missing`);
        this.chain(event);
      }
      this.tiles.grow(
        this.size,
        events.map((event) => event.hash),
      );
      this.size += events.length;
    }
  }

  /** An event must be what its hash says, and follow the one before it in its stream. */
  private chain(event: AuditedEvent): void {
    const where = nameOf(event);
    check(leafHash(event.body).equals(event.hash), `${where}: its bytes are not those that were hashed`);
    const before = this.streams.get(event.stream) ?? { seq: 0, hash: null };
    const body = parsed(event.body);
    const told = isJsonObject(body) ? [own(body, 'stream'), own(body, 'seq'), own(body, 'prev')] : [];
    const [stream, seq, prev] = told;
    check(stream === event.stream && seq === event.seq, `${where}: the row stands for another event`);
    check(event.seq === before.seq + 1 && prev === before.hash, `${where}: does not follow event ${before.seq}`);
    this.streams.set(event.stream, { seq: event.seq, hash: event.hash.toString('base64') });
  }

  /** The tiles that proofs are made of must be those that the events make. */
  private async compareTiles(): Promise<void> {
    const made = new Map(this.tiles.changed().map((tile) => [keyOf(tile), tile.hashes]));
    for await (const tile of readStoredTiles(this.database)) {
      check(made.get(keyOf(tile))?.equals(tile.hashes) === true, `tile ${keyOf(tile)}: not what the events make`);
      made.delete(keyOf(tile));
    }
    const [missing] = made.keys();
    check(missing === undefined, `tile ${missing}: missing`);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const keyOf = (tile: Pick<Tile, 'level' | 'no'>): string => `${tile.level}/${tile.no}`;
const nameOf = (event: AuditedEvent | undefined): string => `event ${event?.seq} of ${event?.stream}`;
