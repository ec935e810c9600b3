/** Period exports of the good run: one of each form that is whole, and one that was cut. */
import { createHash } from 'node:crypto';
import { exportHead, exportLine, exportTrailer } from '../../src/core/period-export.js';
import type { ExportFormat } from '../../src/core/period-export.js';
import type { PeriodExport } from './evidence.js';

const ITEMS = [
  ['request-1', 'supermemory.documents', 'm1'],
  ['request-1', 'supermemory.documents', 'm2'],
  ['request-2', 'velt.documents', 'd1'],
] as const;

/** An export in which these outcomes are shown, in the order of the items; those beyond are left out. */
export function wholeExport(format: ExportFormat, outcomes: readonly string[]): PeriodExport {
  const lines = outcomes.map((outcome, no) => {
    const [requestId, system, externalId] = ITEMS[no % ITEMS.length] ?? ITEMS[0];
    return exportLine(format, {
      requestId,
      subjectRef: 'subject-1',
      before: `api,${system},id`,
      organizationId: null,
      documentId: null,
      externalId,
      after: `${outcome},,,1,2026-01-01T00:00:00.000Z,2026-02-01T00:00:00.000Z,,`,
    });
  });
  const body = exportHead(format) + lines.join('');
  const sha256 = createHash('sha256').update(body).digest('hex');
  return { format, text: body + exportTrailer(format, outcomes.length, sha256), cut: false };
}

/** The first bytes of one. */
function cutExport(): PeriodExport {
  return { format: 'csv', text: wholeExport('csv', ['erased', 'already_absent']).text.slice(0, 250), cut: true };
}

/** While the last item was still pending, and when all was done. */
export const GOOD_EXPORTS: readonly PeriodExport[] = [
  wholeExport('csv', ['pending', 'pending', 'pending']),
  wholeExport('ndjson', ['erased', 'already_absent', 'pending']),
  wholeExport('csv', ['erased', 'already_absent', 'erased']),
  cutExport(),
];
