/** HMAC-SHA256 (RFC 2104) under one key, many times over: an object for each digest costs more than the hashing. */
import { hash } from 'node:crypto';

const BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;
/** Texts up to so many UTF-16 code units share one buffer. */
const SHARED_UNITS_MAX = 1024;
/** The most that a UTF-16 code unit takes in UTF-8. */
const BYTES_A_UNIT = 3;

export class Hmac {
  private readonly inner = Buffer.alloc(BLOCK_BYTES + SHARED_UNITS_MAX * BYTES_A_UNIT);
  private readonly outer = Buffer.alloc(BLOCK_BYTES + DIGEST_BYTES);

  /** @param key at most 64 bytes; throws a RangeError for a longer one */
  constructor(key: Uint8Array) {
    if (key.length > BLOCK_BYTES) throw new RangeError('a key longer than a block');
    for (let at = 0; at < BLOCK_BYTES; at += 1) {
      const byte = key[at] ?? 0;
      this.inner[at] = byte ^ 0x36;
      this.outer[at] = byte ^ 0x5c;
    }
  }

  /** The 32 bytes for a text in UTF-8. */
  of(text: string): Buffer {
    return Buffer.from(this.binary(text), 'latin1');
  }

  /** The same, a character a byte. */
  binary(text: string): string {
    this.outer.write(hash('sha256', this.keyed(text), 'binary'), BLOCK_BYTES, 'latin1');
    return hash('sha256', this.outer, 'binary');
  }

  private keyed(text: string): Buffer {
    if (text.length > SHARED_UNITS_MAX) return Buffer.concat([this.inner.subarray(0, BLOCK_BYTES), Buffer.from(text)]);
    return this.inner.subarray(0, BLOCK_BYTES + this.inner.write(text, BLOCK_BYTES));
  }
}
