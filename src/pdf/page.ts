/** A4 pages from top to bottom: where the next line stands, when a new page begins, and what every page carries. */
import PaperDocument from 'pdfkit';
import { LINE_HEIGHT, TextSetter } from './text.js';
import type { TextStyle } from './text.js';
import { Typefaces } from './typefaces.js';

type Document = InstanceType<typeof PaperDocument>;

export const COLOURS = {
  ink: '#1b2430',
  dim: '#5c6878',
  line: '#cfd6df',
  band: '#eef2f6',
  alarm: '#a33a12',
  alarmBand: '#fdf0e7',
  accent: '#17507a',
} as const;

const MARGIN = 48;
const HEAD_Y = 26;
const FOOT_FROM_BOTTOM = 34;
const SMALL: TextStyle = { size: 7.5, colour: COLOURS.dim };

export interface DocumentAbout {
  readonly title: string;
  readonly subject: string;
  readonly issuedAt: Date;
  /** At the top of every page. */
  readonly heading: string;
  /** Beside it, in the colour of alarm; null for nothing. */
  readonly mark: string | null;
  /** At the foot of every page, left of the page numbers. */
  readonly footing: string;
}

export class Pages {
  readonly text: TextSetter;
  private readonly document: Document;
  private readonly chunks: Buffer[] = [];
  private readonly done: Promise<void>;
  /** The upper edge of what comes next, in points from the top of the page. */
  y = MARGIN;

  constructor(private readonly about: DocumentAbout) {
    this.document = new PaperDocument({
      size: 'A4',
      margin: 0,
      bufferPages: true,
      pdfVersion: '1.7',
      lang: 'en',
      displayTitle: true,
      info: {
        Title: about.title,
        Subject: about.subject,
        Creator: 'Expunge',
        Producer: 'Expunge',
        CreationDate: about.issuedAt,
      },
    });
    this.text = new TextSetter(this.document, new Typefaces(this.document));
    this.done = new Promise((resolve, reject) => {
      this.document.on('data', (chunk: Buffer) => this.chunks.push(chunk));
      this.document.once('end', resolve);
      this.document.once('error', reject);
    });
  }

  readonly left = MARGIN;

  get width(): number {
    return this.document.page.width - 2 * MARGIN;
  }

  private get bottom(): number {
    return this.document.page.height - MARGIN - 6;
  }

  /** Goes to a new page when less than `height` points are left on this one. True when it did. */
  need(height: number): boolean {
    if (this.y + height <= this.bottom) return false;
    this.document.addPage();
    this.y = MARGIN;
    return true;
  }

  /** A heading of a section, kept together with what follows it, and an entry of the table of contents. */
  section(title: string): void {
    this.y += 14;
    this.need(60);
    this.document.outline.addItem(title);
    this.line(title, { size: 12, isBold: true, colour: COLOURS.accent });
    this.y += 4;
  }

  /** One line at the left margin. */
  line(text: string, style: TextStyle): void {
    this.text.draw(text, MARGIN, this.y, style);
    this.y += style.size * LINE_HEIGHT;
  }

  /** Text over the whole width, or what is left of it beside `indent`. */
  paragraph(text: string, style: TextStyle = { size: 9, colour: COLOURS.ink }, indent = 0): void {
    for (const line of this.text.lines(text, this.width - indent, style)) {
      this.need(style.size * LINE_HEIGHT);
      this.text.draw(line, MARGIN + indent, this.y, style);
      this.y += style.size * LINE_HEIGHT;
    }
    this.y += 3;
  }

  /** Paragraphs with a dash before each. */
  list(entries: readonly string[], style: TextStyle = { size: 9, colour: COLOURS.ink }): void {
    for (const entry of entries) {
      this.need(style.size * LINE_HEIGHT * 2);
      this.text.draw('–', MARGIN, this.y, style);
      this.paragraph(entry, style, 12);
    }
  }

  /** A filled rectangle behind what is drawn next. */
  band(x: number, y: number, width: number, height: number, colour: string): void {
    this.document.rect(x, y, width, height).fill(colour);
  }

  /** A thin line over the whole width. */
  rule(y: number): void {
    this.document
      .moveTo(MARGIN, y)
      .lineTo(MARGIN + this.width, y)
      .lineWidth(0.5)
      .stroke(COLOURS.line);
  }

  /** Writes heads, feet and page numbers, and gives the whole document. */
  async finish(): Promise<Buffer> {
    const { start, count } = this.document.bufferedPageRange();
    for (let at = 0; at < count; at += 1) {
      this.document.switchToPage(start + at);
      this.frame(at + 1, count);
    }
    this.document.end();
    await this.done;
    return Buffer.concat(this.chunks);
  }

  private frame(page: number, count: number): void {
    const { heading, mark, footing } = this.about;
    const right = MARGIN + this.width;
    if (page > 1) this.text.draw(heading, MARGIN, HEAD_Y, SMALL);
    if (mark !== null) {
      const style = { ...SMALL, isBold: true, colour: COLOURS.alarm };
      this.text.draw(mark, right - this.text.widthOf(mark, style), HEAD_Y, style);
    }
    const foot = this.document.page.height - FOOT_FROM_BOTTOM;
    this.rule(foot - 6);
    this.text.draw(footing, MARGIN, foot, SMALL);
    const number = `Page ${page} of ${count}`;
    this.text.draw(number, right - this.text.widthOf(number, SMALL), foot, SMALL);
  }
}
