/** The period export: one line an item, in columns that never change, and a last line by which a cut file is known. */
import { csvCell } from './csv.js';

export type ExportFormat = 'csv' | 'ndjson';

/** One item of the export. Personal values are null once shredded, and where the item has none. */
export interface ExportRow {
  readonly requestId: string;
  readonly subjectRef: string | null;
  /** The cells of source, system and kind: words of ours, joined by commas. */
  readonly before: string;
  readonly organizationId: string | null;
  readonly documentId: string | null;
  readonly externalId: string | null;
  /** The cells from the outcome on: words of ours, numbers and times (RFC 3339 in UTC), joined by commas; empty where null. */
  readonly after: string;
}

/** The columns, in their order (interface of the API: never renamed, never moved). */
const COLUMNS = [
  'request_id',
  'subject_ref',
  'source',
  'system',
  'kind',
  'organization_id',
  'document_id',
  'external_id',
  'outcome',
  'evidence',
  'reason',
  'attempts',
  'received_at',
  'due_at',
  'last_attempt_at',
  'settled_at',
] as const;

/** What stands before the first item. */
export function exportHead(format: ExportFormat): string {
  return format === 'csv' ? `${COLUMNS.join(',')}\r\n` : '';
}

/** One item as a line. */
export function exportLine(format: ExportFormat, row: ExportRow): string {
  const { requestId, before, after } = row;
  const personal = [row.organizationId, row.documentId, row.externalId];
  if (format === 'csv') {
    return `${requestId},${csvCell(row.subjectRef)},${before},${personal.map(csvCell).join(',')},${after}\r\n`;
  }
  const ours = (cells: string) => cells.split(',').map((cell) => (cell === '' ? null : cell));
  const values = [requestId, row.subjectRef, ...ours(before), ...personal, ...ours(after)];
  const named = COLUMNS.map((name, index) => [
    name,
    name === 'attempts' ? Number(values[index]) : (values[index] ?? null),
  ]);
  return `${JSON.stringify(Object.fromEntries(named))}\n`;
}

/** The last line: how many items stand before it, and the hex SHA-256 of all bytes before it. */
export function exportTrailer(format: ExportFormat, rows: number, sha256: string): string {
  return format === 'csv' ? `# rows=${rows} sha256=${sha256}\r\n` : `${JSON.stringify({ rows, sha256 })}\n`;
}
