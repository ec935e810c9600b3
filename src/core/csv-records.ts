/**
 * Records of CSV by RFC 4180 out of lines. What is malformed costs one line: reading goes on with the line after the one
 * that opened it, so that a stray quote swallows nothing.
 */
import type { Line } from './lines.js';

/** A quoted cell may span lines, up to so many bytes of one record: more than any valid record has. */
export const RECORD_BYTES_MAX = 64 * 1024;

export type CsvEntry =
  | {
      readonly kind: 'record';
      readonly line: number;
      readonly cells: readonly string[];
      readonly bytes: readonly Buffer[];
    }
  | { readonly kind: 'malformed'; readonly line: number; readonly message: string; readonly bytes: readonly Buffer[] }
  /** A line without anything, or a further part of one that was too long. */
  | { readonly kind: 'nothing'; readonly line: number; readonly bytes: readonly Buffer[] };

/** Also what never closes: the line that opened it is to blame. */
const QUOTES = 'has quotes that RFC 4180 does not allow';

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Takes lines in and gives entries out, in their order; together they hold every byte that came. */
export class CsvRecords {
  /** Lines of a record whose quotes are not closed yet. */
  private waiting: Line[] = [];
  private tooLong = 0;

  /** Further lines; `last` when none will follow. */
  read(lines: readonly Line[], last = false): CsvEntry[] {
    const entries: CsvEntry[] = [];
    let queue = [...this.waiting, ...lines];
    this.waiting = [];
    for (let from = 0; from < queue.length;) {
      const { entry, took } = this.next(queue, from, last);
      if (entry === null) {
        this.waiting = queue.slice(from);
        queue = [];
        break;
      }
      entries.push(entry);
      from += took;
    }
    return entries;
  }

  private next(queue: readonly Line[], from: number, last: boolean): { entry: CsvEntry | null; took: number } {
    const first = queue[from];
    if (!first) return { entry: null, took: 0 };
    const line = first.number;
    const malformed = (message: string): { entry: CsvEntry; took: number } => ({
      entry: { kind: 'malformed', line, message, bytes: [first.bytes] },
      took: 1,
    });
    if (!first.whole) {
      const known = this.tooLong === line;
      this.tooLong = line;
      return known ? { entry: { kind: 'nothing', line, bytes: [first.bytes] }, took: 1 } : malformed('is too long');
    }
    const texts: string[] = [];
    const bytes: Buffer[] = [];
    let size = 0;
    let quotes = 0;
    for (let at = from; at < queue.length; at += 1) {
      const each = queue[at];
      if (!each) break;
      size += each.bytes.length;
      if (!each.whole || size > RECORD_BYTES_MAX) return malformed(QUOTES);
      const text = decoded(each.bytes);
      if (text === null) return malformed(at === from ? 'is not UTF-8' : QUOTES);
      texts.push(text);
      bytes.push(each.bytes);
      quotes += text.split('"').length - 1;
      if (quotes % 2 === 1) continue;
      const record = withoutNewline(texts.join(''));
      if (record === '') return { entry: { kind: 'nothing', line, bytes }, took: bytes.length };
      const cells = cellsOf(record);
      if (cells === null) return malformed(QUOTES);
      return { entry: { kind: 'record', line, cells, bytes }, took: bytes.length };
    }
    return last ? malformed(QUOTES) : { entry: null, took: 0 };
  }
}

function decoded(bytes: Buffer): string | null {
  try {
    return UTF8.decode(bytes);
  } catch {
    return null;
  }
}

const withoutNewline = (text: string): string => text.replace(/\r?\n$/, '');

const QUOTED = /"((?:[^"]|"")*)"(?:,|$)/y;
const BARE = /([^",\r\n]*)(?:,|$)/y;

/** The cells of one record, or null where its quotes are not as RFC 4180 has them. */
function cellsOf(record: string): string[] | null {
  if (!record.includes('"')) return record.split(',');
  const cells: string[] = [];
  for (let at = 0; ;) {
    const form = record[at] === '"' ? QUOTED : BARE;
    form.lastIndex = at;
    const match = form.exec(record);
    const [found = '', cell = ''] = match ?? [];
    if (match === null) return null;
    cells.push(form === QUOTED ? cell.replaceAll('""', '"') : cell);
    at += found.length;
    if (!found.endsWith(',') || (form === QUOTED && found.endsWith('"'))) return at === record.length ? cells : null;
  }
}
