/**
 * A Merkle tree kept as tiles of height 8, as C2SP tlog-tiles cuts it: tile (level, no) holds the roots of up to 256
 * complete subtrees of 256^level leaves each. Hashes are only ever added at the end of the last tile of a level.
 */
import { HASH_BYTES, nodeHash, rootOfLeaves } from './merkle.js';

const TILE_HEIGHT = 8;
export const TILE_HASHES = 256;

export interface TilePlace {
  readonly level: number;
  readonly no: number;
}
export interface Tile extends TilePlace {
  /** The hashes one after another, 1 to 256 of them. */
  readonly hashes: Buffer;
}

/** The tiles that a tree of `size` leaves goes on from: the last of each level. */
export function edgePlaces(size: number): TilePlace[] {
  const places: TilePlace[] = [];
  for (let [level, count] = [0, size]; count > 0; level += 1, count = Math.floor(count / TILE_HASHES)) {
    places.push({ level, no: Math.floor((count - 1) / TILE_HASHES) });
  }
  return places;
}

/** The tiles out of which proofs about leaf `index` are made, in a tree of `size` leaves, beside those of its edge. */
export function pathPlaces(index: number, size: number): TilePlace[] {
  const places: TilePlace[] = [];
  for (let [level, at, count] = [0, index, size]; count > 0; level += 1, count = Math.floor(count / TILE_HASHES)) {
    at = Math.floor(at / TILE_HASHES);
    places.push({ level, no: Math.min(at, Math.floor((count - 1) / TILE_HASHES)) });
  }
  return places;
}

export class Tiles {
  private readonly tiles = new Map<string, Buffer>();
  private readonly grown = new Map<string, TilePlace>();
  /** Hashes between the levels that are kept, as far as somebody asked. */
  private readonly inner = new Map<string, Buffer>();

  constructor(known: Iterable<Tile>) {
    this.add(known);
  }

  add(known: Iterable<Tile>): void {
    for (const tile of known) this.tiles.set(keyOf(tile), tile.hashes);
  }

  has(place: TilePlace): boolean {
    return this.tiles.has(keyOf(place));
  }

  /** The root of a complete subtree. Throws when its tile is not among those known: the record is broken. */
  readonly subtree = (level: number, index: number): Buffer => {
    if (level % TILE_HEIGHT === 0) return this.hashAt(level / TILE_HEIGHT, index);
    const key = `${level}/${index}`;
    const known = this.inner.get(key);
    if (known) return known;
    const hash = nodeHash(this.subtree(level - 1, 2 * index), this.subtree(level - 1, 2 * index + 1));
    this.inner.set(key, hash);
    return hash;
  };

  private hashAt(level: number, index: number): Buffer {
    const hashes = this.tiles.get(keyOf({ level, no: Math.floor(index / TILE_HASHES) }));
    const from = (index % TILE_HASHES) * HASH_BYTES;
    if (!hashes || hashes.length < from + HASH_BYTES) {
      throw new Error(`the ledger lacks hash ${index} of level ${level} of its tiles`);
    }
    return hashes.subarray(from, from + HASH_BYTES);
  }

  /** Adds leaves to a tree of `size` leaves, whose edge must be known. */
  grow(size: number, leaves: readonly Buffer[]): void {
    this.append(0, size, leaves);
  }

  /** The tiles that `grow` changed, as they are now. */
  changed(): Tile[] {
    return [...this.grown].map(([key, place]) => ({ ...place, hashes: this.tiles.get(key) ?? Buffer.alloc(0) }));
  }

  private append(level: number, count: number, added: readonly Buffer[]): void {
    const above: Buffer[] = [];
    for (let from = 0; from < added.length;) {
      const no = Math.floor((count + from) / TILE_HASHES);
      const filled = (count + from) % TILE_HASHES;
      const fresh = added.slice(from, from + TILE_HASHES - filled);
      const place = { level, no };
      const before = filled === 0 ? Buffer.alloc(0) : this.tiles.get(keyOf(place));
      if (before?.length !== filled * HASH_BYTES)
        throw new Error(`tile ${keyOf(place)} does not end where its tree does`);
      const hashes = Buffer.concat([before, ...fresh]);
      this.tiles.set(keyOf(place), hashes);
      this.grown.set(keyOf(place), place);
      if (filled + fresh.length === TILE_HASHES) above.push(rootOfHashes(hashes));
      from += fresh.length;
    }
    if (above.length > 0) this.append(level + 1, Math.floor(count / TILE_HASHES), above);
  }
}

function rootOfHashes(hashes: Buffer): Buffer {
  const leaves = Array.from({ length: hashes.length / HASH_BYTES }, (_, at) =>
    hashes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES),
  );
  return rootOfLeaves(leaves);
}

function keyOf({ level, no }: TilePlace): string {
  return `${level}/${no}`;
}
