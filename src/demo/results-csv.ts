/** Results as CSV (RFC 4180): UTF-8, CRLF, a header line, and no cell that a spreadsheet would run. */
import { csvCell } from '../core/csv.js';
import { isJsonArray, own } from '../core/json.js';
import type { ResultItem } from './results.js';

/**
 * The columns, in this order. README, "What the demo writes", describes them. Lists are JSON arrays in one cell; what is
 * null is empty.
 */
const COLUMNS: readonly (readonly [name: string, cell: (item: ResultItem) => string | number | null])[] = [
  ['system', (item) => item.system],
  ['kind', (item) => item.kind],
  ['organization_id', (item) => ofScope(item, 'organizationId')],
  ['document_id', (item) => ofScope(item, 'documentId')],
  ['location_ids', (item) => ofScope(item, 'locationIds')],
  ['user_ids', (item) => ofScope(item, 'userIds')],
  ['external_id', (item) => item.externalId],
  ['outcome', (item) => item.outcome],
  ['evidence', (item) => item.evidence],
  ['reason', (item) => item.reason],
  ['matched', (item) => item.matched],
  ['attempts', (item) => item.attempts],
  ['provider_id', (item) => item.providerId],
  ['provider_message', (item) => item.providerMessage],
  ['last_attempt_at', (item) => item.lastAttemptAt],
  ['settled_at', (item) => item.settledAt],
  ['item_id', (item) => item.id],
  ['selector_id', (item) => item.selectorId],
];

/** The whole file. */
export function resultsCsv(items: readonly ResultItem[]): string {
  const lines = [COLUMNS.map(([name]) => name), ...items.map((item) => COLUMNS.map(([, cell]) => csvCell(cell(item))))];
  return lines.map((cells) => `${cells.join(',')}\r\n`).join('');
}

function ofScope(item: ResultItem, field: string): string | null {
  const value = own(item.scope, field);
  if (isJsonArray(value)) return JSON.stringify(value);
  return typeof value === 'string' ? value : null;
}
