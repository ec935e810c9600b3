import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeDataKey, decodeLedgerKey, readOrMakeDataKey, readOrMakeLedgerKey } from '../../src/store/key-files.js';

let folder: string;
let dataDir: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'expunge-keys-'));
  dataDir = join(folder, 'data');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the data key', () => {
  it('is made once and read from then on, also where none may be made', async () => {
    const made = await readOrMakeDataKey(dataDir, true);
    expect(made).toHaveLength(32);
    expect(await readOrMakeDataKey(dataDir, true)).toEqual(made);
    expect(await readOrMakeDataKey(dataDir, false)).toEqual(made);
  });

  it('lies in a file of which only its owner reads, in the form of DATA_KEY', async () => {
    const made = await readOrMakeDataKey(dataDir, true);
    expect(statSync(join(dataDir, 'data.key')).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(dataDir, 'data.key'), 'utf8')).toBe(`${made.toString('base64')}\n`);
    expect(readdirSync(dataDir)).toEqual(['data.key']);
  });

  it('is the same for all that ask for it at once', async () => {
    const keys = await Promise.all(Array.from({ length: 20 }, () => readOrMakeDataKey(dataDir, true)));
    expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(1);
  });

  it('is not made where none may be', async () => {
    await expect(readOrMakeDataKey(dataDir, false)).rejects.toThrow(
      /^DATA_KEY is not set, and there is no .*data\.key/,
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each(['', 'c2hvcnQ=', 'no base64 at all, and not short either'])(
    'is never made over a file that holds none (%j)',
    async (text) => {
      await readOrMakeDataKey(dataDir, true);
      const path = join(dataDir, 'data.key');
      writeFileSync(path, text);
      const refused = readOrMakeDataKey(dataDir, true);
      await expect(refused).rejects.toThrow(/data\.key does not hold a key such as DATA_KEY takes$/);
      expect(readFileSync(path, 'utf8')).toBe(text);
    },
  );

  it('is 32 bytes in canonical base64', () => {
    const bytes = Buffer.alloc(32, 0xfb);
    expect(decodeDataKey(bytes.toString('base64'))).toEqual(bytes);
    expect(decodeDataKey(bytes.toString('base64url'))).toBe(null);
    expect(decodeDataKey(bytes.toString('hex'))).toBe(null);
    expect(decodeDataKey(Buffer.alloc(31).toString('base64'))).toBe(null);
    expect(decodeDataKey(`${bytes.toString('base64')}\n`)).toBe(null);
  });
});

describe('the ledger’s key', () => {
  it('is made once, as PEM, and read from then on', async () => {
    const made = await readOrMakeLedgerKey(dataDir, true);
    expect(made).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
    expect(await readOrMakeLedgerKey(dataDir, false)).toBe(made);
    expect(statSync(join(dataDir, 'ledger.key')).mode & 0o777).toBe(0o600);
  });

  it('is Ed25519 in PKCS#8, with line ends as they are or as \\n', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    expect(decodeLedgerKey(pem)).toBe(pem);
    expect(decodeLedgerKey(pem.trim().replaceAll('\n', '\\n'))).toBe(pem);
    expect(decodeLedgerKey(publicKey.export({ type: 'spki', format: 'pem' }).toString())).toBe(null);
    const other = generateKeyPairSync('ed448').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    expect(decodeLedgerKey(other)).toBe(null);
    expect(decodeLedgerKey(pem.replace('M', 'N'))).toBe(null);
  });
});
