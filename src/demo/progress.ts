/** The progress of one request: a bar that is redrawn on a terminal, elsewhere a plain line now and then. */
import type { Outcome } from '../core/item.js';
import { LOOKS, OUTCOMES_SHOWN } from './outcome-words.js';
import type { Colour, Screen } from './screen.js';
import { widthOf } from './visible-text.js';

/** Without a terminal, no two lines come closer together. */
const LINE_EVERY_MS = 1000;
const BAR_COLUMNS_MAX = 40;
const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const SPINNER_STEP_MS = 100;
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

export type Counts = Readonly<Record<Outcome, number>> & { readonly total: number };

export class Progress {
  private lastLineMs: number | null = null;
  private lastLine = '';

  constructor(private readonly screen: Screen) {}

  /** Shows where the request stands. `elapsedMs` counts from its submission and never goes back. */
  show(counts: Counts, elapsedMs: number): void {
    if (this.screen.isLive) this.screen.redraw(barLine(counts, elapsedMs, this.screen.columns() - 1));
    else this.plain(counts, elapsedMs);
  }

  private plain(counts: Counts, elapsedMs: number): void {
    const text = plainLine(counts);
    const soon = this.lastLineMs !== null && elapsedMs - this.lastLineMs < LINE_EVERY_MS;
    if (soon || text === this.lastLine) return;
    this.lastLineMs = elapsedMs;
    this.lastLine = text;
    this.screen.line(`  ${text} (${seconds(elapsedMs)})`);
  }
}

/** `12 of 40 settled: 9 erased, 3 already absent, 28 pending`: outcomes that nothing has are left out. */
export function plainLine(counts: Counts): string {
  const parts = OUTCOMES_SHOWN.filter((outcome) => counts[outcome] > 0).map(
    (outcome) => `${counts[outcome]} ${LOOKS[outcome].words}`,
  );
  return `${counts.total - counts.pending} of ${counts.total} settled: ${parts.join(', ')}`;
}

export interface Part {
  readonly text: string;
  readonly colours?: readonly Colour[];
}

/** The bar with its counts, at most `columns` wide: in words where they fit, else by symbol. */
export function barLine(counts: Counts, elapsedMs: number, columns: number): Part[] {
  const settled = counts.total - counts.pending;
  const spin = SPINNER[Math.floor(elapsedMs / SPINNER_STEP_MS) % SPINNER.length] ?? '';
  const head: Part[] = [{ text: '  ' }, { text: spin, colours: ['cyan'] }, { text: ' ' }];
  const numbers: Part[] = [{ text: ` ${settled}/${counts.total}`, colours: ['bold'] }];
  const time: Part = { text: `  ${seconds(elapsedMs)}`, colours: ['dim'] };
  const barColumns = Math.min(Math.floor(columns / 3), BAR_COLUMNS_MAX);
  for (const words of [true, false]) {
    const line = [...head, ...bar(counts, barColumns), ...numbers, ...tally(counts, words), time];
    if (lengthOf(line) <= columns) return line;
  }
  return [...head, ...numbers, time];
}

function tally(counts: Counts, words: boolean): Part[] {
  return OUTCOMES_SHOWN.filter((outcome) => counts[outcome] > 0).map((outcome) => {
    const look = LOOKS[outcome];
    return { text: `  ${look.symbol} ${counts[outcome]}${words ? ` ${look.words}` : ''}`, colours: [look.colour] };
  });
}

/** One stretch of the bar for each outcome, in its colour; what is pending is its empty end. */
function bar(counts: Counts, columns: number): Part[] {
  const total = Math.max(counts.total, 1);
  const filled = ((total - counts.pending) / total) * columns;
  const parts: Part[] = [];
  let reached = 0;
  let at = 0;
  for (const outcome of OUTCOMES_SHOWN) {
    if (outcome === 'pending' || counts[outcome] === 0) continue;
    reached += counts[outcome];
    const end = Math.floor((reached / total) * columns);
    parts.push({ text: '█'.repeat(end - at), colours: [LOOKS[outcome].colour] });
    at = end;
  }
  const eighth = EIGHTHS[Math.floor((filled - at) * 8)] ?? '';
  parts.push({ text: eighth, colours: ['green'] });
  parts.push({ text: '░'.repeat(columns - at - eighth.length), colours: ['dim'] });
  return parts;
}

function lengthOf(parts: readonly Part[]): number {
  return parts.reduce((sum, part) => sum + widthOf(part.text), 0);
}

/** `4.2 s`. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
