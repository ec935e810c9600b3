/** Text on a page: any script, broken into lines that fit, cut with a mark where it would take too much room. */
import type PaperDocument from 'pdfkit';
import { spelled, visible } from '../core/visible.js';
import { hasRightToLeft, stretches } from './bidi.js';
import type { Face, Typefaces } from './typefaces.js';

const GRAPHEMES = new Intl.Segmenter('en', { granularity: 'grapheme' });
/** After these a long word may go on in the next line; elsewhere it does so only where it would not fit otherwise. */
const BREAKS_AFTER = /[\s/_\-.,:;|@&?=·]$/;

export interface TextStyle {
  readonly size: number;
  readonly isBold?: boolean;
  readonly colour?: string;
}

/** Height of a line in sizes of its text. */
export const LINE_HEIGHT = 1.35;
/** From the top of a line to its baseline, in sizes of its text; the same for every font, so that they share it. */
const BASELINE = 1.02;

interface Piece {
  readonly text: string;
  readonly width: number;
}

export class TextSetter {
  constructor(
    private readonly document: InstanceType<typeof PaperDocument>,
    private readonly faces: Typefaces,
  ) {}

  /**
   * The lines of a text in a column of `width` points. What is invisible, and what no font can show, is written out as
   * `\u{7}`. Beyond `linesMax` the last line ends in a mark that says how many characters are missing.
   */
  lines(text: string, width: number, style: TextStyle, linesMax = Infinity): string[] {
    const found: string[] = [];
    const pieces = this.pieces(text, style);
    for (let at = 0; at < pieces.length;) {
      if (found.length + 1 >= linesMax && !this.fits(pieces, at, width)) {
        found.push(this.cut(pieces, at, width, style));
        return found;
      }
      const end = lineEnd(pieces, at, width);
      found.push(textOf(pieces.slice(at, end)).trimEnd());
      at = end;
    }
    return found.length === 0 ? [''] : found;
  }

  /** How wide a line is, in points. */
  widthOf(line: string, style: TextStyle): number {
    return widthOf(this.pieces(line, style));
  }

  /** Draws one line; `x` and `y` are its left upper corner, in points from that of the page. */
  draw(line: string, x: number, y: number, style: TextStyle): void {
    const { document } = this;
    document.fontSize(style.size).fillColor(style.colour ?? 'black');
    let left = x;
    for (const { text, isRightToLeft } of stretches(line)) {
      const runs = this.runs(text, style);
      for (const { face, text: run, width } of isRightToLeft ? runs.toReversed() : runs) {
        document.font(face.name);
        // Blanks and brackets alone are set from left to right, whatever stands around them.
        const isTurned = isRightToLeft && !hasRightToLeft(run);
        const shown = isTurned ? [...run].toReversed().join('') : run;
        // An empty list of features, unlike none, has the run shaped as a whole and not word by word.
        const shaping = isRightToLeft ? { features: [] } : {};
        document.text(shown, left, y + BASELINE * style.size, {
          lineBreak: false,
          baseline: 'alphabetic',
          ...shaping,
        });
        left += runs.length === 1 && !isRightToLeft ? width : document.widthOfString(shown, shaping);
      }
    }
  }

  /** Adjacent characters of one font. */
  private runs(text: string, style: TextStyle): { face: Face; text: string; width: number }[] {
    const found: { face: Face; text: string; width: number }[] = [];
    for (const { segment } of GRAPHEMES.segment(text)) {
      const last = found.at(-1);
      const shared = last !== undefined && this.faces.shares(last.face, segment) ? last.face : null;
      const face = shared ?? this.faces.faceOf(segment, style.isBold === true);
      if (face === null) continue;
      const width = this.faces.widthOf(face, segment) * style.size;
      if (last !== undefined && last.face === face) {
        last.text += segment;
        last.width += width;
      } else found.push({ face, text: segment, width });
    }
    return found;
  }

  private pieces(text: string, style: TextStyle): Piece[] {
    const isBold = style.isBold === true;
    const widthOfShown = (shown: string): number => {
      const face = this.faces.faceOf(shown, isBold);
      return face === null ? 0 : this.faces.widthOf(face, shown) * style.size;
    };
    return [...GRAPHEMES.segment(visible(text))].flatMap(({ segment }) => {
      if (this.faces.faceOf(segment, isBold) !== null) return [{ text: segment, width: widthOfShown(segment) }];
      return [...spelled(segment)].map((shown) => ({ text: shown, width: widthOfShown(shown) }));
    });
  }

  private fits(pieces: readonly Piece[], from: number, width: number): boolean {
    let used = 0;
    for (let at = from; at < pieces.length; at += 1) {
      used += pieces[at]?.width ?? 0;
      if (used > width) return false;
    }
    return true;
  }

  private cut(pieces: readonly Piece[], from: number, width: number, style: TextStyle): string {
    for (let end = hardEnd(pieces, from, width); end > from; end -= 1) {
      const mark = `… +${pieces.length - end}`;
      const kept = pieces.slice(from, end);
      if (widthOf(kept) + this.widthOf(mark, style) <= width) return `${textOf(kept)}${mark}`;
    }
    return '…';
  }
}

const textOf = (pieces: readonly Piece[]): string => pieces.map(({ text }) => text).join('');
const widthOf = (pieces: readonly Piece[]): number => pieces.reduce((sum, piece) => sum + piece.width, 0);

/** Where a line that begins at `from` ends: at the last good place, or in the middle of a word that is too long. */
function lineEnd(pieces: readonly Piece[], from: number, width: number): number {
  const hard = hardEnd(pieces, from, width);
  if (hard >= pieces.length) return hard;
  for (let end = hard; end > from; end -= 1) {
    if (BREAKS_AFTER.test(pieces[end - 1]?.text ?? '')) return end;
  }
  return hard;
}

/** As many as fit, and at least one. A blank that does not fit hangs over the edge. */
function hardEnd(pieces: readonly Piece[], from: number, width: number): number {
  let used = 0;
  for (let at = from; at < pieces.length; at += 1) {
    const piece = pieces[at];
    used += piece?.width ?? 0;
    if (used > width && at > from) return piece?.text === ' ' ? at + 1 : at;
  }
  return pieces.length;
}
