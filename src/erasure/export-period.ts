import { createHash } from 'node:crypto';
import { exportHead, exportLine, exportTrailer } from '../core/period-export.js';
import type { ExportFormat } from '../core/period-export.js';
import { exportItems } from '../store/export-items.js';
import type { ExportFilter } from '../store/export-items.js';
import type { Workplace } from './workplace.js';

/**
 * The period export as bytes, a page of items at a time and no faster than they are taken. The last line counts the items
 * and carries the SHA-256 of all bytes before it: without that line the file was cut. Throws when the database goes away
 * under it; whoever sends the bytes must then not end them as if they were whole.
 */
export async function* exportPeriod(
  { database, vault }: Pick<Workplace, 'database' | 'vault'>,
  filter: ExportFilter,
  format: ExportFormat,
): AsyncGenerator<Buffer, void, undefined> {
  const hash = createHash('sha256');
  let rows = 0;
  const hashed = (text: string): Buffer => {
    const bytes = Buffer.from(text);
    hash.update(bytes);
    return bytes;
  };
  const head = exportHead(format);
  if (head !== '') yield hashed(head);
  for await (const page of exportItems(database, vault, filter)) {
    rows += page.length;
    yield hashed(page.map((row) => exportLine(format, row)).join(''));
  }
  yield Buffer.from(exportTrailer(format, rows, hash.digest('hex')));
}
