import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FileDigest } from '../../src/erasure/file-digest.js';

it('the digest of a file is that of its bytes up to the last line that counts, without its newline', () => {
  const line = fc.tuple(fc.string(), fc.constantFrom('\n', '\r\n'), fc.boolean());
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
      const digest = new FileDigest();
      let all = '';
      let counted = '';
      for (const [text, newline, counts] of lines) {
        const content = text.replaceAll(/[\r\n]/g, '');
        if (counts) {
          digest.include(Buffer.from(content + newline));
          counted = all + content;
        } else {
          digest.pass(Buffer.from(content + newline));
        }
        all += content + newline;
        expect(digest.sofar()).toBe(createHash('sha256').update(counted).digest('hex'));
      }
    }),
  );
});
