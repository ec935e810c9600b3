import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Database } from '../../src/store/database.js';
import { newId } from '../../src/store/identifiers.js';
import { DataKeyError, seal, unseal, Vault } from '../../src/store/vault.js';
import { testDatabase } from '../support/postgres.js';
import type { TestDatabase } from '../support/postgres.js';

const text = fc.string({ unit: 'binary', maxLength: 60 });

describe('a sealed value', () => {
  const key = randomBytes(32);

  it('opens as what it was, under its key and at its place alone', () => {
    fc.assert(
      fc.property(text, text, text, (place, plain, other) => {
        const sealed = seal(key, place, plain);
        expect(unseal(key, place, sealed).toString('utf8')).toBe(plain);
        if (other !== place) expect(() => unseal(key, other, sealed)).toThrow();
        expect(() => unseal(randomBytes(32), place, sealed)).toThrow();
      }),
      { numRuns: 300 },
    );
  });

  it('does not open when any one bit differs', () => {
    const sealed = seal(key, 'place', 'a personal value');
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const changed = Buffer.from(sealed);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => unseal(key, 'place', changed)).toThrow();
    }
  });

  it('does not open when it is cut or lengthened', () => {
    const sealed = seal(key, 'place', 'a personal value');
    for (let length = 0; length < sealed.length; length += 1) {
      expect(() => unseal(key, 'place', sealed.subarray(0, length))).toThrow();
    }
    expect(() => unseal(key, 'place', Buffer.concat([sealed, Buffer.alloc(1)]))).toThrow();
  });

  it('never looks the same twice', () => {
    const twice = Array.from({ length: 200 }, () => seal(key, 'place', 'same').toString('hex'));
    expect(new Set(twice).size).toBe(200);
  });
});

describe('a vault', () => {
  let postgres: TestDatabase;
  let database: Database;
  const dataKey = randomBytes(32);
  const open = (key: Buffer = dataKey) => Vault.open(database, () => Promise.resolve(key));

  beforeEach(async () => {
    postgres = await testDatabase();
    // Dropping the database may end a connection that is just being closed.
    postgres.pool.on('error', () => undefined);
    database = new Database(postgres.pool);
  });
  afterEach(async () => {
    await database.prisma.$disconnect();
    await postgres.close();
  });

  it('is told at its first opening that nothing is sealed yet, and later that something is', async () => {
    const told: boolean[] = [];
    for (let opening = 0; opening < 2; opening += 1) {
      await Vault.open(database, (sealedAlready) => {
        told.push(sealedAlready);
        return Promise.resolve(dataKey);
      });
    }
    expect(told).toEqual([false, true]);
  });

  it('refuses another key, and goes on opening under its own', async () => {
    const digest = (await open()).digest('label', 'value');
    await expect(open(randomBytes(32))).rejects.toThrow(DataKeyError);
    expect((await open()).digest('label', 'value')).toEqual(digest);
  });

  it('agrees with every other that opens it for the first time at the same moment', async () => {
    const vaults = await Promise.all(Array.from({ length: 8 }, () => open()));
    const digests = vaults.map((vault) => vault.digest('label', 'value').toString('hex'));
    const lookups = vaults.map((vault) => vault.lookupDigest('route', 'key').toString('hex'));
    expect([new Set(digests).size, new Set(lookups).size]).toEqual([1, 1]);
    expect(await database.prisma.installation.count()).toBe(1);
  });

  it('lets only one of two different keys win a first opening', async () => {
    const openings = await Promise.allSettled([open(dataKey), open(randomBytes(32))]);
    expect(openings.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  });

  it('holds none of its keys in clear', async () => {
    const vault = await open();
    const row = await database.prisma.installation.findFirstOrThrow();
    expect(Buffer.from(row.digestKey).includes(dataKey)).toBe(false);
    expect(row.digestKey).toHaveLength(12 + 16 + 32);
    expect(vault.digest('label', 'value')).toHaveLength(16);
  });

  it('wraps a request key for its request alone', async () => {
    const vault = await open();
    const [one, other] = [newId(), newId()];
    const { key, wrapped } = vault.makeKey(one);
    expect((await open()).unwrap(one, wrapped)).toEqual(key);
    expect(() => vault.unwrap(other, wrapped)).toThrow();
    expect(vault.makeKey(one).key.equals(key)).toBe(false);
  });

  it('gives equal lists one digest and different lists different ones, however their parts are cut', async () => {
    const vault = await open();
    const part = fc.oneof(text, fc.constantFrom('', '\0', '0', '1\0a', '\x001\0', 'a', 'ab', '\x000\0'));
    const list = fc.tuple(fc.constantFrom('item', 'lane'), fc.array(part, { maxLength: 4 }));
    fc.assert(
      fc.property(list, list, ([label, parts], [otherLabel, others]) => {
        const same = label === otherLabel && JSON.stringify(parts) === JSON.stringify(others);
        expect(vault.digest(label, ...parts).equals(vault.digest(otherLabel, ...others))).toBe(same);
      }),
      { numRuns: 2000 },
    );
  });

  it('tells no two ways of cutting one text apart by chance: all of them differ', async () => {
    const vault = await open();
    const whole = 'a\x001\0b\x001\0c';
    const cuts = new Set<string>();
    let lists = 0;
    for (let mask = 0; mask < 2 ** (whole.length - 1); mask += 1) {
      const parts = [''];
      for (const [at, character] of whole.split('').entries()) {
        if (at > 0 && mask & (1 << (at - 1))) parts.push('');
        parts[parts.length - 1] += character;
      }
      cuts.add(vault.digest('label', ...parts).toString('hex'));
      lists += 1;
    }
    expect(cuts.size).toBe(lists);
  });

  it('keeps NFC, NFD and case apart', async () => {
    const vault = await open();
    const values = ['\u00e9', 'e\u0301', 'E\u0301', ' e', 'e ', 'e'];
    expect(new Set(values.map((value) => vault.digest('item', value).toString('hex'))).size).toBe(values.length);
  });
});
