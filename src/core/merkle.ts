/**
 * The Merkle tree of RFC 6962 / RFC 9162 over SHA-256: leaf `H(0x00 ‖ data)`, node `H(0x01 ‖ left ‖ right)`. Proofs are
 * made as RFC 9162 §2.1.3.1 and §2.1.4.1 define them, and checked by the algorithms of §2.1.3.2 and §2.1.4.2, which share
 * no code with the making.
 */
import { hash as digest } from 'node:crypto';

export const HASH_BYTES = 32;
const NODE = Buffer.from([1]);

/** The root of a tree without leaves. */
export const EMPTY_ROOT: Buffer = digest('sha256', '', 'buffer');

/** The hash of a leaf whose data is this text in UTF-8. */
export function leafHash(data: string): Buffer {
  return digest('sha256', `\0${data}`, 'buffer');
}

export function nodeHash(left: Buffer, right: Buffer): Buffer {
  return digest('sha256', Buffer.concat([NODE, left, right]), 'buffer');
}

/**
 * Gives the root of the complete subtree `index` at `level`: over the 2^level leaves from `index` · 2^level on. Only asked
 * for subtrees that are complete.
 */
export type Subtrees = (level: number, index: number) => Buffer;

/** The root over the first `size` leaves. */
export function rootOf(size: number, subtrees: Subtrees): Buffer {
  return size === 0 ? EMPTY_ROOT : rootOfRange(0, size, subtrees);
}

/** Over leaf hashes at hand, such as those of one request's items. */
export function rootOfLeaves(leaves: readonly Buffer[]): Buffer {
  return rootOfLevel(Buffer.concat(leaves));
}

/** Over leaves whose data are these texts, thousands of them: without an object for every hash. */
export function rootOfTexts(texts: readonly string[]): Buffer {
  const level = Buffer.alloc(texts.length * HASH_BYTES);
  for (const [at, text] of texts.entries()) {
    level.write(digest('sha256', `\0${text}`, 'binary'), at * HASH_BYTES, 'latin1');
  }
  return rootOfLevel(level);
}

/** Over leaf hashes that stand in one buffer of ours, which is written over. */
function rootOfLevel(level: Buffer): Buffer {
  const leaves = level.length / HASH_BYTES;
  if (leaves === 0) return EMPTY_ROOT;
  const node = Buffer.alloc(1 + 2 * HASH_BYTES, NODE);
  for (let size = leaves; size > 1; size = Math.ceil(size / 2)) {
    for (let at = 0; at < size; at += 2) {
      const from = at * HASH_BYTES;
      const above = from / 2;
      if (at + 1 === size) level.copy(level, above, from, from + HASH_BYTES);
      else {
        level.copy(node, 1, from, from + 2 * HASH_BYTES);
        level.write(digest('sha256', node, 'binary'), above, 'latin1');
      }
    }
  }
  return Buffer.from(level.subarray(0, HASH_BYTES));
}

/** The proof that leaf `index` stands in the tree of `size` leaves, nearest sibling first. Throws where it cannot. */
export function inclusionProof(index: number, size: number, subtrees: Subtrees): Buffer[] {
  if (!(index >= 0 && index < size)) throw new RangeError('only a leaf of the tree can be proved to be in it');
  const proof: Buffer[] = [];
  for (let [from, to] = [0, size]; to - from > 1;) {
    const middle = from + splitOf(to - from);
    const [left, right] = [[from, middle] as const, [middle, to] as const];
    const [own, other] = index < middle ? [left, right] : [right, left];
    proof.unshift(rootOfRange(...other, subtrees));
    [from, to] = own;
  }
  return proof;
}

/** The proof that the tree of `size` leaves begins with the tree of `earlier` leaves. Throws where it cannot. */
export function consistencyProof(earlier: number, size: number, subtrees: Subtrees): Buffer[] {
  if (!(earlier >= 0 && earlier <= size)) throw new RangeError('only a tree that grew can be consistent');
  return earlier === 0 || earlier === size ? [] : subproof(earlier, 0, size, true, subtrees);
}

function subproof(earlier: number, from: number, to: number, known: boolean, subtrees: Subtrees): Buffer[] {
  if (earlier === to - from) return known ? [] : [rootOfRange(from, to, subtrees)];
  const split = splitOf(to - from);
  return earlier <= split
    ? [...subproof(earlier, from, from + split, known, subtrees), rootOfRange(from + split, to, subtrees)]
    : [...subproof(earlier - split, from + split, to, false, subtrees), rootOfRange(from, from + split, subtrees)];
}

/** Checks an inclusion proof by RFC 9162, 2.1.3.2. Never throws. */
export function isIncluded(
  leaf: Buffer,
  at: { readonly index: number; readonly size: number; readonly root: Buffer },
  proof: readonly Buffer[],
): boolean {
  if (!(at.index >= 0 && at.index < at.size)) return false;
  let [fn, sn] = [at.index, at.size - 1];
  let hash = leaf;
  for (const sibling of proof) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      hash = nodeHash(sibling, hash);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [half(fn), half(sn)];
    } else {
      hash = nodeHash(hash, sibling);
    }
    [fn, sn] = [half(fn), half(sn)];
  }
  return sn === 0 && hash.equals(at.root);
}

export interface TreeHead {
  readonly size: number;
  readonly root: Buffer;
}

/** Checks a consistency proof by RFC 9162, 2.1.4.2; a tree of no leaves is the beginning of every tree. Never throws. */
export function isConsistent(earlier: TreeHead, later: TreeHead, proof: readonly Buffer[]): boolean {
  if (earlier.size > later.size) return false;
  if (earlier.size === later.size) return proof.length === 0 && earlier.root.equals(later.root);
  if (earlier.size === 0) return proof.length === 0 && earlier.root.equals(EMPTY_ROOT);
  const path = isPowerOfTwo(earlier.size) ? [earlier.root, ...proof] : [...proof];
  const first = path.shift();
  if (first === undefined) return false;
  let [fn, sn] = [earlier.size - 1, later.size - 1];
  while (fn % 2 === 1) [fn, sn] = [half(fn), half(sn)];
  let [before, after] = [first, first];
  for (const hash of path) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      before = nodeHash(hash, before);
      after = nodeHash(hash, after);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [half(fn), half(sn)];
    } else {
      after = nodeHash(after, hash);
    }
    [fn, sn] = [half(fn), half(sn)];
  }
  return sn === 0 && before.equals(earlier.root) && after.equals(later.root);
}

/** The root over leaves `from` to `to`, of which `from` is a multiple of a power of two that the range does not exceed. */
function rootOfRange(from: number, to: number, subtrees: Subtrees): Buffer {
  const size = to - from;
  if (isPowerOfTwo(size)) return subtrees(Math.log2(size), from / size);
  const middle = from + splitOf(size);
  return nodeHash(rootOfRange(from, middle, subtrees), rootOfRange(middle, to, subtrees));
}

/** The largest power of two smaller than `size`, which is at least 2. */
function splitOf(size: number): number {
  let split = 1;
  while (split * 2 < size) split *= 2;
  return split;
}

function isPowerOfTwo(size: number): boolean {
  return size === 1 || splitOf(size) * 2 === size;
}

/** Not by shifting: sizes may exceed 32 bits. */
function half(value: number): number {
  return Math.floor(value / 2);
}
