/**
 * Sealing: everything personal is written under a random key of its request (AES-256-GCM), that key is wrapped under
 * DATA_KEY, and equality is asked of keyed digests. Destroying a request's wrapped key and digests makes its personal
 * values unreadable at once.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { Hmac } from '../core/hmac.js';
import type { Database } from './database.js';

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** 128 bits: no two of a billion IDs meet by chance, and an index stays small. */
const DIGEST_BYTES = 16;

/** Encrypts under `key`; `about` binds the ciphertext to its place. Gives nonce, tag and ciphertext in one. */
export function seal(key: Buffer, about: string, plain: string | Buffer): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(Buffer.from(about));
  const body = Buffer.concat([
    typeof plain === 'string' ? cipher.update(plain, 'utf8') : cipher.update(plain),
    cipher.final(),
  ]);
  return Buffer.concat([nonce, cipher.getAuthTag(), body]);
}

/** Decrypts what `seal` made. Throws when the key, the place or a single bit differs. */
export function unseal(key: Buffer, about: string, sealed: Uint8Array): Buffer {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(about));
  decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]);
}

/** What a key is of: the same id never stands for two, and no wrapping is taken for another's. */
type KeyHolder = 'request_key' | 'directory_key';

/** DATA_KEY does not open this database's key check, or is gone while the database holds sealed values. */
export class DataKeyError extends Error {}

export class Vault {
  private readonly digests: Hmac;
  private readonly lookups: Hmac;

  private constructor(
    private readonly dataKey: Buffer,
    private readonly digestKey: Buffer,
    private readonly lookupKey: Buffer,
    /** How often DATA_KEY was rotated before this vault was opened. */
    readonly generation: number,
  ) {
    this.digests = new Hmac(digestKey);
    this.lookups = new Hmac(lookupKey);
  }

  /**
   * Opens the database's vault, making its inner keys at the first start. `dataKey` gives DATA_KEY; it is told whether
   * the database holds something sealed already, so that a lost key is never replaced by a new one. Throws DataKeyError
   * when the key is not this database's.
   */
  static async open(database: Database, dataKey: (sealedAlready: boolean) => Promise<Buffer>): Promise<Vault> {
    const found = await database.prisma.installation.findFirst();
    const key = await dataKey(found !== null);
    if (found === null) {
      const wrap = (name: string) => new Uint8Array(seal(key, `installation ${name}`, randomBytes(KEY_BYTES)));
      await database.prisma.installation.createMany({
        data: [{ digestKey: wrap('digest_key'), lookupKey: wrap('lookup_key') }],
        skipDuplicates: true,
      });
    }
    const row = await database.prisma.installation.findFirstOrThrow();
    try {
      const digestKey = unseal(key, 'installation digest_key', row.digestKey);
      return new Vault(key, digestKey, unseal(key, 'installation lookup_key', row.lookupKey), row.generation);
    } catch {
      throw new DataKeyError('DATA_KEY does not open this database: it was sealed under another key');
    }
  }

  /** A new random key for a request (or another holder of that id), and the same wrapped under DATA_KEY. */
  makeKey(id: string, holder: KeyHolder = 'request_key'): { key: Buffer; wrapped: Buffer } {
    const key = randomBytes(KEY_BYTES);
    return { key, wrapped: this.wrap(id, key, holder) };
  }

  /** The vault of the same installation under another DATA_KEY, with a new key for its digests. */
  under(dataKey: Buffer): Vault {
    return new Vault(dataKey, randomBytes(KEY_BYTES), this.lookupKey, this.generation + 1);
  }

  /** The installation's inner keys, wrapped under DATA_KEY. */
  wrappedKeys(): { readonly digestKey: Buffer; readonly lookupKey: Buffer } {
    return {
      digestKey: seal(this.dataKey, 'installation digest_key', this.digestKey),
      lookupKey: seal(this.dataKey, 'installation lookup_key', this.lookupKey),
    };
  }

  /** A holder's key, wrapped under DATA_KEY. */
  wrap(id: string, key: Buffer, holder: KeyHolder = 'request_key'): Buffer {
    return seal(this.dataKey, `${holder} ${id}`, key);
  }

  /** The key of a holder out of its wrapping. Throws when DATA_KEY did not wrap it, or not for this holder. */
  unwrap(id: string, wrapped: Uint8Array, holder: KeyHolder = 'request_key'): Buffer {
    return unseal(this.dataKey, `${holder} ${id}`, wrapped);
  }

  /** A secret of this installation's (not of a request's), sealed under DATA_KEY; `name` binds it to its place. */
  wrapSecret(name: string, secret: string): Buffer {
    return seal(this.dataKey, `secret ${name}`, secret);
  }

  /** What `wrapSecret` sealed. Throws when DATA_KEY or the place is another. */
  unwrapSecret(name: string, sealed: Uint8Array): string {
    return unseal(this.dataKey, `secret ${name}`, sealed).toString('utf8');
  }

  /** Keyed digest of a list of strings: equal lists, equal digests; says nothing to who does not hold the key. */
  digest(label: string, ...parts: readonly string[]): Buffer {
    const text = parts.reduce((joined, part) => `${joined}\0${part.length}\0${part}`, label);
    return this.digests.of(text).subarray(0, DIGEST_BYTES);
  }

  /** Digest of an idempotency key. It outlives the request's shredding and every rotation, so it has a key of its own. */
  lookupDigest(route: string, key: string): Buffer {
    return this.lookups.of(`${route}\0${key}`);
  }
}
