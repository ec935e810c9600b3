/**
 * The keys as text, and the files in which an installation without configured keys keeps its own: made once, never
 * overwritten, readable only by their owner.
 */
import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rm, rename } from 'node:fs/promises';
import { join } from 'node:path';

const DATA_KEY_BYTES = 32;

/** A key file is missing or unusable. The message names the file and never its content. */
class KeyFileError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'KeyFileError';
  }
}

/** The 32 bytes that standard padded base64 text stands for, or null. */
export function decodeDataKey(text: string): Buffer | null {
  const key = Buffer.from(text, 'base64');
  return key.length === DATA_KEY_BYTES && key.toString('base64') === text ? key : null;
}

/** An Ed25519 private key's PKCS#8 PEM in its one spelling, or null. `\n` may stand for a line's end, as in .env files. */
export function decodeLedgerKey(text: string): string | null {
  const pem = text.replaceAll('\\n', '\n').trim();
  if (!pem.startsWith('-----BEGIN PRIVATE KEY-----')) return null;
  try {
    const key = createPrivateKey(pem);
    return key.asymmetricKeyType === 'ed25519' ? key.export({ type: 'pkcs8', format: 'pem' }).toString() : null;
  } catch {
    return null;
  }
}

/**
 * The data key kept in `dataDir`/data.key.
 * @param mayMake whether a missing one may be made: never in production, nor where the database holds sealed values
 * @throws {KeyFileError} when there is none and none may be made, or the file holds no key
 */
export function readOrMakeDataKey(dataDir: string, mayMake: boolean): Promise<Buffer> {
  return readOrMake(dataDir, mayMake, {
    file: 'data.key',
    variable: 'DATA_KEY',
    make: () => randomBytes(DATA_KEY_BYTES).toString('base64'),
    decode: decodeDataKey,
  });
}

/** The key that a rotation puts in the place of `dataDir`/data.key: made once, and found again after a crash. */
export function readOrMakeNextDataKey(dataDir: string): Promise<Buffer> {
  return readOrMake(dataDir, true, {
    file: 'data.key.next',
    variable: 'DATA_KEY_NEXT',
    make: () => randomBytes(DATA_KEY_BYTES).toString('base64'),
    decode: decodeDataKey,
  });
}

/** Puts the next data key in the place of the one before, which is gone with that. Only after the rotation is committed. */
export async function promoteNextDataKey(dataDir: string): Promise<void> {
  await rename(join(dataDir, 'data.key.next'), join(dataDir, 'data.key'));
  const folder = await open(dataDir, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * The ledger's signing key (Ed25519, PKCS#8 PEM) kept in `dataDir`/ledger.key.
 * @param mayMake whether a missing one may be made: never in production, nor where the ledger has a checkpoint
 * @throws {KeyFileError} when there is none and none may be made, or the file holds no key
 */
export function readOrMakeLedgerKey(dataDir: string, mayMake: boolean): Promise<string> {
  return readOrMake(dataDir, mayMake, {
    file: 'ledger.key',
    variable: 'LEDGER_SIGNING_KEY',
    make: () => generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString().trim(),
    decode: decodeLedgerKey,
  });
}

interface KeyKind<Key> {
  readonly file: string;
  readonly variable: string;
  make(): string;
  decode(text: string): Key | null;
}

async function readOrMake<Key>(dataDir: string, mayMake: boolean, kind: KeyKind<Key>): Promise<Key> {
  const path = join(dataDir, kind.file);
  let text = await readIfThere(path);
  if (text === null && mayMake) {
    try {
      await mkdir(dataDir, { recursive: true, mode: 0o700 });
      await writeOnce(path, kind.make());
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new KeyFileError(`DATA_DIR ${dataDir} cannot be used: ${why}`, { cause: error });
    }
    text = await readIfThere(path);
  }
  if (text === null) {
    throw new KeyFileError(
      `${kind.variable} is not set, and there is no ${path}, in whose place none is made in production or where the database already depends on one`,
    );
  }
  const key = kind.decode(text.trim());
  if (key === null) throw new KeyFileError(`${path} does not hold a key such as ${kind.variable} takes`);
  return key;
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    throw new KeyFileError(
      `DATA_DIR: ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      {
        cause: error,
      },
    );
  }
}

/** Whole or not at all, and on the disk before anything is sealed under it. Another process that was first wins. */
async function writeOnce(path: string, text: string): Promise<void> {
  const draft = `${path}.draft-${randomBytes(8).toString('hex')}`;
  try {
    await writeAndSync(draft, `${text}\n`);
    await link(draft, path).catch((error: unknown) => {
      if (!hasCode(error, 'EEXIST')) throw error;
    });
  } finally {
    await rm(draft, { force: true });
  }
  const folder = await open(join(path, '..'), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function writeAndSync(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
