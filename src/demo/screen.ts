/** Where the demo writes: a terminal that can redraw a line in colour, or plain lines for everything else. */
import type { WriteStream } from 'node:tty';
import { fit, widthOf } from './visible-text.js';

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, blue: 34, magenta: 35, cyan: 36 } as const;
export type Colour = keyof typeof CODES;

/** Where the output is no terminal, and nobody says how wide it is. */
const COLUMNS_ELSEWHERE = 120;
const COLUMNS_MIN = 40;

const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';
const START_OF_LINE = '\r\x1b[2K';

export class Screen {
  private drawn = false;

  /**
   * @param isLive false: no escape sequence is ever written. It is true for a terminal with colours, which by Node's
   *   rules excludes `TERM=dumb` and `NO_COLOR`
   */
  constructor(
    private readonly stream: Pick<WriteStream, 'write'> & { readonly columns?: number | undefined },
    readonly isLive: boolean,
  ) {}

  static on(stream: WriteStream): Screen {
    return new Screen(stream, stream.isTTY && stream.hasColors());
  }

  columns(): number {
    const { columns = 0 } = this.stream;
    // A terminal that does not know its size says 0.
    return columns === 0 ? COLUMNS_ELSEWHERE : Math.max(columns, COLUMNS_MIN);
  }

  paint(text: string, ...colours: readonly Colour[]): string {
    if (!this.isLive || colours.length === 0 || text === '') return text;
    return `\x1b[${colours.map((colour) => CODES[colour]).join(';')}m${text}\x1b[0m`;
  }

  /** A line that stays; it takes the place of the one that is being redrawn. */
  line(text = ''): void {
    this.clear();
    this.stream.write(`${text}\n`);
  }

  /** The line that is drawn again and again at the bottom; nothing where the screen is not live. */
  redraw(parts: readonly { readonly text: string; readonly colours?: readonly Colour[] }[]): void {
    if (!this.isLive) return;
    let left = this.columns() - 1;
    let text = '';
    for (const part of parts) {
      const fitted = fit(part.text, left);
      text += this.paint(fitted, ...(part.colours ?? []));
      left -= widthOf(fitted);
      if (left <= 0) break;
    }
    this.stream.write(`${this.drawn ? '' : HIDE_CURSOR}${START_OF_LINE}${text}`);
    this.drawn = true;
  }

  /** Takes the redrawn line away and gives the cursor back. Safe to call at any time. */
  clear(): void {
    if (!this.drawn) return;
    this.drawn = false;
    this.stream.write(`${START_OF_LINE}${SHOW_CURSOR}`);
  }
}
