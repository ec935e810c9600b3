/** Tables over the width of a page; their head stands again on every page that they reach. */
import { COLOURS } from './page.js';
import type { Pages } from './page.js';
import { LINE_HEIGHT } from './text.js';
import type { TextStyle } from './text.js';

export interface Column {
  readonly title: string;
  /** Its part of the table's width; the parts of all columns are weighed against each other. */
  readonly share: number;
  readonly align?: 'right';
  /** Lines of one cell at most. */
  readonly linesMax?: number;
}

export interface Cell {
  readonly text: string;
  readonly isBold?: boolean;
  readonly colour?: string;
  /** A second text under the first, smaller and dim. */
  readonly below?: string;
}

const SIZE = 8;
const BELOW_SIZE = 7;
const PAD_X = 3;
const PAD_Y = 2.5;
const LINES_MAX = 5;
const BELOW_LINES_MAX = 3;
const GROUP: TextStyle = { size: SIZE, isBold: true, colour: COLOURS.ink };
const GROUP_HEIGHT = SIZE * LINE_HEIGHT + 2 * PAD_Y;
const HEAD: TextStyle = { size: 7.5, isBold: true, colour: COLOURS.dim };

interface Line {
  readonly text: string;
  readonly style: TextStyle;
}

export class Table {
  private readonly widths: readonly number[];

  constructor(
    private readonly pages: Pages,
    private readonly columns: readonly Column[],
  ) {
    const shares = columns.reduce((sum, column) => sum + column.share, 0);
    this.widths = columns.map((column) => (column.share / shares) * pages.width);
    pages.need(48);
    this.head();
  }

  /**
   * One row, never broken over two pages. Cells that are too long are cut, with a mark that says by how much. `group`:
   * a line over all columns above it, or null.
   */
  row(group: string | null, cells: readonly Cell[]): void {
    const lines = cells.map((cell, at) => this.linesOf(cell, at));
    const height = Math.max(...lines.map(heightOf)) + 2 * PAD_Y;
    if (this.pages.need(height + (group === null ? 0 : GROUP_HEIGHT))) this.head();
    if (group !== null) this.group(group);
    this.draw(lines);
    this.pages.y += height;
    this.pages.rule(this.pages.y);
  }

  private group(text: string): void {
    this.pages.band(this.pages.left, this.pages.y, this.pages.width, GROUP_HEIGHT, COLOURS.band);
    const [line = ''] = this.pages.text.lines(text, this.pages.width - 2 * PAD_X, GROUP, 1);
    this.pages.text.draw(line, this.pages.left + PAD_X, this.pages.y + PAD_Y, GROUP);
    this.pages.y += GROUP_HEIGHT;
  }

  private head(): void {
    const lines = this.columns.map(({ title }, at) =>
      this.pages.text.lines(title, (this.widths[at] ?? 0) - 2 * PAD_X, HEAD).map((text) => ({ text, style: HEAD })),
    );
    this.draw(lines);
    this.pages.y += Math.max(...lines.map(heightOf)) + 2 * PAD_Y;
    this.pages.rule(this.pages.y);
  }

  private linesOf(cell: Cell, at: number): Line[] {
    const width = (this.widths[at] ?? 0) - 2 * PAD_X;
    const linesMax = this.columns[at]?.linesMax ?? LINES_MAX;
    const style = { size: SIZE, isBold: cell.isBold === true, colour: cell.colour ?? COLOURS.ink };
    const below = { size: BELOW_SIZE, colour: COLOURS.dim };
    return [
      ...this.pages.text.lines(cell.text, width, style, linesMax).map((text) => ({ text, style })),
      ...(cell.below === undefined
        ? []
        : this.pages.text.lines(cell.below, width, below, BELOW_LINES_MAX).map((text) => ({ text, style: below }))),
    ];
  }

  private draw(cells: readonly (readonly Line[])[]): void {
    let x = this.pages.left;
    for (const [at, lines] of cells.entries()) {
      const width = this.widths[at] ?? 0;
      let y = this.pages.y + PAD_Y;
      for (const { text, style } of lines) {
        const free = width - 2 * PAD_X - this.pages.text.widthOf(text, style);
        this.pages.text.draw(text, x + PAD_X + (this.columns[at]?.align === 'right' ? free : 0), y, style);
        y += style.size * LINE_HEIGHT;
      }
      x += width;
    }
  }
}

const heightOf = (lines: readonly Line[]): number =>
  lines.reduce((sum, { style }) => sum + style.size * LINE_HEIGHT, 0);
