/**
 * Records of CSV by RFC 4180, one a line: a quoted cell may hold commas and quotes, and no line end. So a stray quote costs
 * its own line and swallows nothing, and no text inside a cell is ever taken for a line of the file.
 */
import type { Line } from './lines.js';

/** More than any valid line has. */
export const RECORD_BYTES_MAX = 64 * 1024;

export type CsvEntry =
  | { readonly kind: 'record'; readonly cells: readonly string[] }
  | { readonly kind: 'malformed'; readonly message: string }
  /** A line without anything. */
  | { readonly kind: 'nothing' };

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads one line. A part of one that was too long is malformed: whoever reads the parts tells of the first alone. */
export function readCsvLine({ bytes, whole }: Pick<Line, 'bytes' | 'whole'>): CsvEntry {
  if (!whole) return { kind: 'malformed', message: 'is too long' };
  const text = decoded(bytes);
  if (text === null) return { kind: 'malformed', message: 'is not UTF-8' };
  // Old files end their last line with a bare return.
  const record = text.replace(/\r?\n$|\r$/, '');
  if (record === '') return { kind: 'nothing' };
  const cells = cellsOf(record);
  return cells === null
    ? { kind: 'malformed', message: 'has quotes or line ends that are not allowed here' }
    : { kind: 'record', cells };
}

function decoded(bytes: Buffer): string | null {
  try {
    return UTF8.decode(bytes);
  } catch {
    return null;
  }
}

const QUOTED = /"((?:[^"\r\n]|"")*)"(?:,|$)/y;
const BARE = /([^",\r\n]*)(?:,|$)/y;

/** The cells of one record, or null where its quotes are not as RFC 4180 has them. */
function cellsOf(record: string): string[] | null {
  if (!/["\r]/.test(record)) return record.split(',');
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
