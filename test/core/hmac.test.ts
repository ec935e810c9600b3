import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Hmac } from '#src/core/hmac.js';

describe('Hmac', () => {
  it('is the HMAC-SHA256 of Node, for any key of up to a block and any text, one after another', () => {
    const texts = fc.array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ minLength: 1000, maxLength: 1100 })));
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), texts, (key, list) => {
        const hmac = new Hmac(key);
        for (const text of list) {
          const expected = createHmac('sha256', key).update(text).digest();
          expect(hmac.of(text)).toEqual(expected);
          expect(hmac.binary(text)).toBe(expected.toString('latin1'));
        }
      }),
    );
  });

  it('takes no key that is longer than a block', () => {
    expect(() => new Hmac(new Uint8Array(65))).toThrow(RangeError);
  });
});
