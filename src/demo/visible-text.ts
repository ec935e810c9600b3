/** Text as a terminal shows it: how wide it is, and how it is cut to fit. */

const ELLIPSIS = '…';
const GRAPHEMES = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** East Asian Wide and Fullwidth (Unicode Standard Annex 11) by their scripts and blocks, and pictures. */
const WIDE =
  /^(?:\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|\p{Script=Bopomofo}|\p{Script=Yi}|\p{Script=Tangut}|\p{Script=Nushu}|[\u3000-\u303e\u30fb\u30fc\u3190-\u33ff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|\p{Extended_Pictographic}\ufe0f)/u;
const HALFWIDTH = /^[\uff61-\uffdc]/u;
const ONLY_MARKS = /^\p{M}+$/u;

/** Columns that a text takes on a terminal. Escape sequences count as text: take the width before colouring. */
export function widthOf(text: string): number {
  let width = 0;
  for (const { segment } of GRAPHEMES.segment(text)) width += graphemeWidth(segment);
  return width;
}

/** The text cut to at most `columns`, with an ellipsis where something is missing; no character is cut in two. */
export function fit(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let kept = '';
  let width = 0;
  for (const { segment } of GRAPHEMES.segment(text)) {
    const next = width + graphemeWidth(segment);
    if (next > columns - 1) break;
    kept += segment;
    width = next;
  }
  return columns < 1 ? '' : `${kept}${ELLIPSIS}`;
}

/** Exactly `columns` wide: cut, or filled with blanks at its end (or before it). */
export function pad(text: string, columns: number, align: 'left' | 'right' = 'left'): string {
  const fitted = fit(text, columns);
  const blanks = ' '.repeat(Math.max(columns - widthOf(fitted), 0));
  return align === 'left' ? `${fitted}${blanks}` : `${blanks}${fitted}`;
}

/** Words on lines of at most `columns`; a longer word has a line of its own and stays whole. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && widthOf(longer) > columns) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}

function graphemeWidth(grapheme: string): number {
  if (ONLY_MARKS.test(grapheme)) return 0;
  return WIDE.test(grapheme) && !HALFWIDTH.test(grapheme) ? 2 : 1;
}
