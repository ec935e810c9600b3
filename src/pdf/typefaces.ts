/**
 * Which font can show a character. The fonts lie in packages, all under the SIL Open Font License: Noto Sans (Latin,
 * Greek, Cyrillic, Devanagari), Noto Naskh Arabic, Noto Sans Hebrew, Source Han Sans (Chinese, Japanese, Korean).
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { create } from 'fontkit';
import type { Font } from 'fontkit';
import type PaperDocument from 'pdfkit';

const require = createRequire(import.meta.url);

/** In the order in which they are asked. The second of a pair is bold. */
const FAMILIES = [
  {
    name: 'sans',
    folder: join(dirname(require.resolve('@embedpdf/fonts-latin')), '..', 'fonts'),
    files: ['NotoSans-Regular.ttf', 'NotoSans-Bold.ttf'],
  },
  {
    name: 'arabic',
    folder: join(dirname(require.resolve('@embedpdf/fonts-arabic')), '..', 'fonts'),
    files: ['NotoNaskhArabic-Regular.ttf', 'NotoNaskhArabic-Bold.ttf'],
  },
  {
    name: 'hebrew',
    folder: join(dirname(require.resolve('@embedpdf/fonts-hebrew')), '..', 'fonts'),
    files: ['NotoSansHebrew-Regular.ttf', 'NotoSansHebrew-Bold.ttf'],
  },
  {
    name: 'han',
    folder: dirname(require.resolve('@librescore/fonts')),
    files: ['SourceHanSansCN.min.woff2', 'SourceHanSansCN.min.woff2'],
  },
  {
    name: 'hangul',
    folder: dirname(require.resolve('@librescore/fonts')),
    files: ['SourceHanSansKR.min.woff2', 'SourceHanSansKR.min.woff2'],
  },
] as const;

const COMMON = /^[\p{Z}\p{P}\p{S}]$/u;

export interface Face {
  /** As the document knows it. */
  readonly name: string;
  readonly font: Font;
}

/** Opened once in a process, each when a character first needs it: unpacking the Chinese one takes a second. */
const OPENED = new Map<string, Font>();

/** The fonts of one document, embedded only as far as they are used. */
export class Typefaces {
  private readonly faces = new Map<string, Face>();
  private readonly known = new Map<string, Face | null>();
  private readonly widths = new Map<string, number>();

  constructor(private readonly document: InstanceType<typeof PaperDocument>) {}

  /** The first font that has every character of a grapheme, or null when none has. */
  faceOf(grapheme: string, isBold: boolean): Face | null {
    const asked = `${isBold ? 'b' : 'r'}${grapheme}`;
    const before = this.known.get(asked);
    if (before !== undefined) return before;
    const points = [...grapheme].map((character) => character.codePointAt(0) ?? 0);
    const found = this.firstWith(points, isBold);
    this.known.set(asked, found);
    return found;
  }

  /** True when a font that is in use already can also show a grapheme that has no script of its own, as blanks and brackets. */
  shares(face: Face, grapheme: string): boolean {
    return COMMON.test(grapheme) && face.font.hasGlyphForCodePoint(grapheme.codePointAt(0) ?? 0);
  }

  /** How wide a grapheme is on its own, in points, at a size of 1 point. */
  widthOf(face: Face, grapheme: string): number {
    const asked = `${face.name} ${grapheme}`;
    const before = this.widths.get(asked);
    if (before !== undefined) return before;
    const width = face.font.layout(grapheme).advanceWidth / face.font.unitsPerEm;
    this.widths.set(asked, width);
    return width;
  }

  /** One after the other: a font that is not needed is never opened. */
  private firstWith(points: readonly number[], isBold: boolean): Face | null {
    for (const family of FAMILIES) {
      const face = this.open(family, isBold);
      if (points.every((point) => face.font.hasGlyphForCodePoint(point))) return face;
    }
    return null;
  }

  private open(family: (typeof FAMILIES)[number], isBold: boolean): Face {
    const file = family.files[isBold ? 1 : 0];
    const before = this.faces.get(file);
    if (before) return before;
    const font = opened(join(family.folder, file));
    const register = this.document.registerFont.bind(this.document);
    // The document takes an opened font as well as its bytes; its types know of bytes alone.
    Reflect.apply(register, undefined, [file, font]);
    const face = { name: file, font };
    this.faces.set(file, face);
    return face;
  }
}

function opened(path: string): Font {
  const before = OPENED.get(path);
  if (before) return before;
  const font = create(readFileSync(path));
  if (!('layout' in font)) throw new Error(`${path} holds several fonts`);
  OPENED.set(path, font);
  return font;
}
