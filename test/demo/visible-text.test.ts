import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { visible } from '../../src/core/visible.js';
import { fit, pad, widthOf, wrap } from '../../src/demo/visible-text.js';

const texts = fc.string({ unit: 'binary' });

describe('the width of a text', () => {
  it.each([
    ['doc-1', 5],
    ['議事録', 6],
    ['ﾊﾝ', 2],
    ['e\u0301', 1],
    ['한글', 4],
    ['🗑️', 2],
    ['👩‍💻', 2],
    ['✔ ○ ✖ …', 7],
    ['', 0],
  ])('of %j is %d', (text, width) => {
    expect(widthOf(text)).toBe(width);
  });
});

describe('cutting and filling', () => {
  it('cuts no character in two, and says that something is missing', () => {
    expect(fit('doc-議事録', 7)).toBe('doc-議…');
    expect(fit('doc-議事録', 8)).toBe('doc-議…');
    expect(fit('e\u0301e\u0301e\u0301', 2)).toBe('e\u0301…');
    expect(fit('doc', 3)).toBe('doc');
    expect(fit('doc', 0)).toBe('');
  });

  it('never makes a text wider than allowed', () => {
    fc.assert(
      fc.property(texts, fc.nat(30), (text, columns) => widthOf(fit(visible(text), columns)) <= columns),
      { numRuns: 1000 },
    );
  });

  it('fills to exactly the width', () => {
    expect(pad('7', 3, 'right')).toBe('  7');
    fc.assert(
      fc.property(
        texts,
        fc.integer({ min: 1, max: 30 }),
        (text, columns) => widthOf(pad(visible(text), columns)) === columns,
      ),
      { numRuns: 1000 },
    );
  });

  it('breaks lines at blanks, and no word in two', () => {
    expect(wrap('a person must look', 9)).toEqual(['a person', 'must look']);
    expect(wrap('see /v1/erasure-requests now', 9)).toEqual(['see', '/v1/erasure-requests', 'now']);
  });
});

describe('a visible text', () => {
  it('writes out what a terminal would obey or hide', () => {
    expect(visible('a\u0007\u001b[31m\r\n')).toBe('a\\u{7}\\u{1b}[31m\\u{d}\\u{a}');
    expect(visible('user\u202e24')).toBe('user\\u{202e}24');
    expect(visible('a\u200bb\u2028')).toBe('a\\u{200b}b\\u{2028}');
    expect(visible('doc-議事録 é')).toBe('doc-議事録 é');
  });

  it('holds no control character, whatever it was made of', () => {
    fc.assert(
      fc.property(texts, (text) => !/[\p{Cc}\p{Cf}]/u.test(visible(text))),
      { numRuns: 1000 },
    );
  });
});
