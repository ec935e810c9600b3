/** The period export: one line an item, in columns that never change, and a last line by which a cut file is known. */
import { csvCell } from './csv.js';

export type ExportFormat = 'csv' | 'ndjson';

/** One item of the export. Personal values are null once shredded, and where the item has none. */
export interface ExportRow {
  readonly request_id: string;
  readonly subject_ref: string | null;
  readonly source: string;
  readonly system: string;
  readonly kind: string;
  readonly organization_id: string | null;
  readonly document_id: string | null;
  readonly external_id: string | null;
  readonly outcome: string;
  readonly evidence: string | null;
  readonly reason: string | null;
  readonly attempts: number;
  /** Times by RFC 3339 in UTC. */
  readonly received_at: string;
  readonly due_at: string;
  readonly last_attempt_at: string | null;
  readonly settled_at: string | null;
}

/** The columns, in their order (interface of the API: never renamed, never moved). */
export const EXPORT_COLUMNS = [
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
] as const satisfies readonly (keyof ExportRow)[];

/** What stands before the first item. */
export function exportHead(format: ExportFormat): string {
  return format === 'csv' ? `${EXPORT_COLUMNS.join(',')}\r\n` : '';
}

/** One item as a line. */
export function exportLine(format: ExportFormat, row: ExportRow): string {
  if (format === 'csv') return `${EXPORT_COLUMNS.map((name) => csvCell(row[name])).join(',')}\r\n`;
  return `${JSON.stringify(row)}\n`;
}

/** The last line: how many items stand before it, and the hex SHA-256 of all bytes before it. */
export function exportTrailer(format: ExportFormat, rows: number, sha256: string): string {
  return format === 'csv' ? `# rows=${rows} sha256=${sha256}\r\n` : `${JSON.stringify({ rows, sha256 })}\n`;
}
