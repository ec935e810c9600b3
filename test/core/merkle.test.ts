import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  consistencyProof,
  EMPTY_ROOT,
  inclusionProof,
  isConsistent,
  isIncluded,
  leafHash,
  nodeHash,
  rootOf,
  rootOfLeaves,
  rootOfTexts,
} from '../../src/core/merkle.js';
import { edgePlaces, pathPlaces, TILE_HASHES, Tiles } from '../../src/core/tiles.js';
import type { Tile } from '../../src/core/tiles.js';

/** The reference inputs and roots of transparency-dev/merkle (testonly), as certificate-transparency published them. */
const LEAVES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map(
  (hex) => Buffer.from(hex, 'hex'),
);
const ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

const hex = (hashes: readonly Buffer[]): string[] => hashes.map((hash) => hash.toString('hex'));
const hashes = LEAVES.map((data) =>
  createHash('sha256')
    .update(Buffer.from([0]))
    .update(data)
    .digest(),
);

/** The tree of RFC 6962, 2.1, word for word: what everything else is measured by. */
function naive(leaves: readonly Buffer[]): Buffer {
  const [first] = leaves;
  if (!first) return EMPTY_ROOT;
  if (leaves.length === 1) return first;
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return nodeHash(naive(leaves.slice(0, split)), naive(leaves.slice(split)));
}
const subtreesOf =
  (leaves: readonly Buffer[]) =>
  (level: number, index: number): Buffer =>
    naive(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level));

const many = (count: number, salt = ''): Buffer[] =>
  Array.from({ length: count }, (_, at) => createHash('sha256').update(`${salt}${at}`).digest());

describe('the Merkle tree', () => {
  it('has the published roots', () => {
    expect(EMPTY_ROOT.toString('hex')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    for (const [at, root] of ROOTS.entries()) {
      const leaves = hashes.slice(0, at + 1);
      expect(hex([rootOf(at + 1, subtreesOf(leaves)), rootOfLeaves(leaves)])).toEqual([root, root]);
    }
  });

  it('has the same root over texts as over their leaf hashes', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 70 }), (texts) => {
        expect(rootOfTexts(texts)).toEqual(rootOfLeaves(texts.map(leafHash)));
      }),
    );
  });

  it('gives the published inclusion proofs', () => {
    const proof = (index: number, size: number) => hex(inclusionProof(index, size, subtreesOf(hashes.slice(0, size))));
    expect(proof(0, 1)).toEqual([]);
    expect(proof(0, 8)).toEqual([
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ]);
    expect(proof(5, 8)).toEqual([
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ]);
    expect(proof(2, 3)).toEqual(['fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125']);
    expect(proof(1, 5)).toEqual([
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ]);
  });

  it('gives the published consistency proofs', () => {
    const proof = (earlier: number, size: number) =>
      hex(consistencyProof(earlier, size, subtreesOf(hashes.slice(0, size))));
    expect(proof(1, 1)).toEqual([]);
    expect(proof(1, 8)).toEqual([
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ]);
    expect(proof(6, 8)).toEqual([
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ]);
    expect(proof(2, 5)).toEqual([
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ]);
  });

  it('proves every leaf and every beginning, and nothing else', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70 }), fc.nat(), fc.nat(), fc.nat(), (size, a, b, bit) => {
        const leaves = many(size);
        const root = naive(leaves);
        const [index, earlier] = [a % size, b % (size + 1)];
        const leaf = leaves[index] ?? EMPTY_ROOT;
        const proof = inclusionProof(index, size, subtreesOf(leaves));
        expect(isIncluded(leaf, { index, size, root }, proof)).toBe(true);
        expect(isIncluded(leaf, { index, size, root }, [...proof, root])).toBe(false);
        expect(isIncluded(leaf, { index, size: size + 1, root: flipped(root, bit) }, proof)).toBe(false);
        if (size > 1) expect(isIncluded(leaf, { index: (index + 1) % size, size, root }, proof)).toBe(false);
        for (const at of proof.keys()) {
          const wrong = proof.map((hash, no) => (no === at ? flipped(hash, bit) : hash));
          expect(isIncluded(leaf, { index, size, root }, wrong)).toBe(false);
        }
        const [before, after] = [
          { size: earlier, root: naive(leaves.slice(0, earlier)) },
          { size, root },
        ];
        const grown = consistencyProof(earlier, size, subtreesOf(leaves));
        expect(isConsistent(before, after, grown)).toBe(true);
        expect(isConsistent({ ...before, root: flipped(before.root, bit) }, after, grown)).toBe(false);
        if (earlier > 0) expect(isConsistent(before, { size, root: flipped(root, bit) }, grown)).toBe(false);
        expect(isConsistent(after, { ...before, size: earlier - 1 }, grown)).toBe(false);
      }),
    );
  });

  it('proves nothing of leaves that are not there', () => {
    expect(() => inclusionProof(3, 3, subtreesOf(many(3)))).toThrow(RangeError);
    expect(() => consistencyProof(4, 3, subtreesOf(many(3)))).toThrow(RangeError);
  });
});

describe('tiles', () => {
  it('give the same root and proofs as the tree, however it grew', () => {
    const leaves = many(67_730);
    const kept = new Map<string, Tile>();
    const edge = (size: number) => edgePlaces(size).flatMap((place) => kept.get(`${place.level}/${place.no}`) ?? []);
    let size = 0;
    for (const step of [1, 254, 1, 1, 300, 65_000, 5, 256, 512, 1_400]) {
      const tiles = new Tiles(edge(size));
      tiles.grow(size, leaves.slice(size, size + step));
      for (const tile of tiles.changed()) kept.set(`${tile.level}/${tile.no}`, tile);
      size += step;
      const read = new Tiles(edge(size));
      expect(rootOf(size, read.subtree).equals(rootOfLeaves(leaves.slice(0, size)))).toBe(true);
    }
    expect(Math.max(...[...kept.values()].map(({ hashes: bytes }) => bytes.length))).toBe(TILE_HASHES * 32);
    const root = rootOfLeaves(leaves.slice(0, size));
    for (const index of [0, 255, 256, 65_535, 65_536, 67_000, size - 1]) {
      const places = [...edgePlaces(size), ...pathPlaces(index, size)];
      const read = new Tiles(places.flatMap((place) => kept.get(`${place.level}/${place.no}`) ?? []));
      const proof = inclusionProof(index, size, read.subtree);
      expect(isIncluded(leaves[index] ?? root, { index, size, root }, proof)).toBe(true);
    }
    for (const earlier of [1, 255, 256, 257, 65_536, 67_001, size - 1]) {
      const places = [...edgePlaces(size), ...pathPlaces(earlier - 1, size)];
      const read = new Tiles(places.flatMap((place) => kept.get(`${place.level}/${place.no}`) ?? []));
      const proof = consistencyProof(earlier, size, read.subtree);
      const before = { size: earlier, root: rootOfLeaves(leaves.slice(0, earlier)) };
      expect(isConsistent(before, { size, root }, proof)).toBe(true);
    }
  });

  it('refuse to go on from an edge that is cut', () => {
    const tiles = new Tiles([{ level: 0, no: 0, hashes: Buffer.concat(many(3)) }]);
    expect(() => tiles.grow(4, many(1))).toThrow(/does not end where its tree does/);
    expect(() => rootOf(4, tiles.subtree)).toThrow(/lacks hash/);
  });
});

function flipped(hash: Buffer, bit: number): Buffer {
  const copy = Buffer.from(hash);
  const at = bit % (copy.length * 8);
  copy[at >> 3] = (copy[at >> 3] ?? 0) ^ (1 << (at & 7));
  return copy;
}
