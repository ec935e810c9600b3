import fc from 'fast-check';
import PaperDocument from 'pdfkit';
import { describe, expect, it } from 'vitest';
import { stretches } from '../../src/pdf/bidi.js';
import { TextSetter } from '../../src/pdf/text.js';
import { Typefaces } from '../../src/pdf/typefaces.js';

const document = new PaperDocument({ size: 'A4' });
const setter = new TextSetter(document, new Typefaces(document));
const STYLE = { size: 8 };
const WIDTH = 120;

describe('text in a column', () => {
  it('never runs over its edge, and loses nothing', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', 'W', '/', ' ', '議', 'ש', 'é'), maxLength: 120 }), (text) => {
        const lines = setter.lines(text, WIDTH, STYLE);
        for (const line of lines) expect(setter.widthOf(line, STYLE)).toBeLessThanOrEqual(WIDTH);
        expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
      }),
      { numRuns: 60 },
    );
  });

  it('is cut where it is too long, and says by how many characters', () => {
    const lines = setter.lines('x'.repeat(1024), WIDTH, STYLE, 3);
    expect(lines).toHaveLength(3);
    const [, kept = '', missing] = /^(x+)… \+(\d+)$/.exec(lines[2] ?? '') ?? [];
    expect((lines[0] ?? '').length + (lines[1] ?? '').length + kept.length + Number(missing)).toBe(1024);
    expect(setter.widthOf(lines[2] ?? '', STYLE)).toBeLessThanOrEqual(WIDTH);
  });

  it('spells out what no font shows and what nobody sees', () => {
    expect(setter.lines('a\u0007\u202eb😀', 500, STYLE)).toEqual(['a\\u{7}\\u{202e}b\\u{1f600}']);
    expect(setter.lines('', 500, STYLE)).toEqual(['']);
  });

  it.each(['Ελληνικά', 'Привет', 'देवनागरी', 'مرحبا', 'שלום', '議事録', '张伟', '한국어', 'ひらがな'])(
    'shows %s',
    (text) => {
      expect(setter.lines(text, 500, STYLE)).toEqual([text]);
    },
  );
});

describe('text from right to left', () => {
  it('stands in the order of reading, numbers and brackets the right way round', () => {
    expect(stretches('doc שלום (12) x')).toEqual([
      { text: 'doc ', isRightToLeft: false },
      { text: '(', isRightToLeft: true },
      { text: '12', isRightToLeft: false },
      { text: 'שלום )', isRightToLeft: true },
      { text: ' x', isRightToLeft: false },
    ]);
    expect(stretches('plain')).toEqual([{ text: 'plain', isRightToLeft: false }]);
    expect(stretches('')).toEqual([]);
  });
});
