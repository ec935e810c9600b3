/** An audit report as CSV (RFC 4180): UTF-8, CRLF, a header line, a line for each item. README describes the columns. */
import { stringify } from 'csv-stringify/sync';
import type { ReportHead, ReportItem } from '../core/report.js';
import type { IssuedReport } from '../erasure/issue-report.js';

type Cell = string | number | null;

/** In this order. The whole scope is JSON in one cell; what is null is empty. */
const COLUMNS: readonly (readonly [name: string, cell: (item: ReportItem, head: ReportHead) => Cell])[] = [
  ['request_id', (_item, head) => head.request.id],
  ['interim', (_item, head) => String(head.interim)],
  ['subject_ref', (_item, head) => head.request.subject?.ref ?? null],
  ['source', (_item, head) => head.request.source],
  ['received_at', (_item, head) => head.request.receivedAt],
  ['due_at', (_item, head) => head.deadline.dueAt],
  ['system', (item) => item.system],
  ['kind', (item) => item.kind],
  ['organization_id', (item) => ofScope(item, 'organizationId')],
  ['document_id', (item) => ofScope(item, 'documentId')],
  ['scope', (item) => (item.scope === null ? null : JSON.stringify(item.scope))],
  ['external_id', (item) => item.externalId],
  ['outcome', (item) => item.outcome],
  ['evidence', (item) => item.evidence],
  ['reason', (item) => item.reason],
  ['resolution', (item) => item.resolution],
  ['resolution_reason', (item) => item.resolutionReason],
  ['resolved_by', (item) => item.resolvedBy],
  ['resolved_at', (item) => item.resolvedAt],
  ['matched', (item) => item.matched],
  ['attempts', (item) => item.attempts],
  ['last_attempt_at', (item) => item.lastAttemptAt],
  ['settled_at', (item) => item.settledAt],
  ['item_id', (item) => item.id],
  ['selector_id', (item) => item.selectorId],
];

/** The text of the report, page by page. */
export async function* reportCsv(report: IssuedReport): AsyncGenerator<string> {
  yield lines([COLUMNS.map(([name]) => name)]);
  for await (const page of report.items('all')) {
    yield lines(page.map((item) => COLUMNS.map(([, cell]) => cell(item, report.head))));
  }
}

/**
 * Cells that a spreadsheet would take for a formula get a `'` before them. So do those that begin with `'` or a line
 * feed: one `'` at the front of a cell is always ours, and can be taken away again.
 */
function lines(rows: readonly (readonly Cell[])[]): string {
  return stringify([...rows], {
    record_delimiter: 'windows',
    escape_formulas: true,
    cast: { string: (value) => (/^['\n]/.test(value) ? `'${value}` : value) },
  });
}

function ofScope(item: ReportItem, field: string): string | null {
  const value = item.scope?.[field];
  return typeof value === 'string' ? value : null;
}
