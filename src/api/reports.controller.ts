/** What is shown to an auditor: the report of one request, and the numbers of a period. */
import { Readable } from 'node:stream';
import { Controller, Get, Inject, Param, Query, StreamableFile } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Checkpoint } from '../core/report.js';
import { issueReport } from '../erasure/issue-report.js';
import type { IssuedReport } from '../erasure/issue-report.js';
import { noteExport } from '../erasure/note-export.js';
import { Workplace } from '../erasure/workplace.js';
import { Sealer } from '../ledger/seal.js';
import { databaseNow } from '../store/clock.js';
import { sqlState } from '../store/database.js';
import { publishHead } from '../store/ledger-tree.js';
import { readSummary } from '../store/read-summary.js';
import type { SummaryResource } from '../store/read-summary.js';
import type { Caller } from './caller.js';
import { IdPipe } from './id.pipe.js';
import { ByCaller, Needs } from './key.guard.js';
import { problemResponse } from './problem-response.js';
import { Problem } from './problem.js';
import { refuse } from './refusal.js';
import { reportCsv } from './report-csv.js';
import { reportJson } from './report-json.js';
import { ReportQuery, SummaryQuery } from './reports.dto.js';
import { orLedgerBroken } from './sealed-ledger.js';
import { readTimestamp } from './timestamp.js';

const schemaOf = (name: string) => ({ schema: { $ref: `#/components/schemas/${name}` } });

@ApiTags('Reports')
@Controller('v1')
export class ReportsController {
  constructor(
    @Inject(Workplace) private readonly workplace: Workplace,
    @Inject(Sealer) private readonly sealer: Sealer,
  ) {}

  @Get('erasure-requests/:id/report')
  @Needs('reports:read')
  @ApiOperation({ summary: 'The audit report of a request, for a person or a program' })
  @ApiResponse({
    status: 200,
    description: 'The report; of an unsettled request it is marked `interim`. The PDF prints up to 500 rows of a list.',
    content: {
      'application/json': schemaOf('Report'),
      'text/csv': { schema: { type: 'string' } },
      'application/pdf': { schema: { type: 'string', format: 'binary' } },
    },
  })
  @ApiResponse(problemResponse(400, 'The id is not a UUID, or the format is not known.'))
  @ApiResponse(problemResponse(404, 'No such request.'))
  async report(
    @Param('id', IdPipe) id: string,
    @Query() query: ReportQuery,
    @ByCaller() caller: Caller,
  ): Promise<StreamableFile> {
    const format = query.format ?? 'json';
    const data = { kind: 'report', format };
    if (!(await noteExport(this.workplace, id, caller.actor, data))) throw refuse('not_found');
    const report = await issueReport(this.workplace, id, await this.head());
    if (report.kind !== 'issued') throw refuse(report.kind);
    const { write, type } = FORMATS[format];
    return new StreamableFile(Readable.from(this.watched(id, write(report))), {
      type,
      disposition: `attachment; filename="erasure-report-${id}.${format}"`,
    });
  }

  /** The signed head of a tree that holds every event until now. */
  private async head(): Promise<Checkpoint | null> {
    await orLedgerBroken(this.workplace.log, this.sealer.seal());
    const head = await publishHead(this.workplace.database);
    if (head === null) return null;
    const { size, root, note } = head;
    return { treeSize: size, root: root.toString('base64'), checkpoint: note, keyId: this.sealer.keyId };
  }

  /** What fails on the way has no answer left but to break off, which the log must tell. */
  private async *watched(id: string, chunks: AsyncIterable<string | Buffer>): AsyncGenerator<string | Buffer> {
    try {
      yield* chunks;
    } catch (error) {
      this.workplace.log.error({ erasureRequestId: id, code: sqlState(error) }, 'a report broke off');
      throw error;
    }
  }

  @Get('reports/summary')
  @Needs('reports:read')
  @ApiOperation({ summary: 'What came of the requests received in [from, to)' })
  @ApiResponse({ status: 200, description: 'The summary.', content: { 'application/json': schemaOf('Summary') } })
  @ApiResponse(problemResponse(400, 'A time is not valid, or the period is empty.'))
  async summary(@Query() query: SummaryQuery): Promise<SummaryResource> {
    const { database } = this.workplace;
    const now = await databaseNow(database);
    const from = query.from === undefined ? null : readTimestamp(query.from);
    const to = (query.to === undefined ? null : readTimestamp(query.to)) ?? now;
    if (from !== null && from >= to) {
      const path = query.to === undefined ? '/from' : '/to';
      const message = query.to === undefined ? 'must lie in the past' : 'must be later than from';
      throw new Problem('invalid_input', 'The input has errors.', { errors: [{ path, message }] });
    }
    return readSummary(database, { from, to }, now);
  }
}

/** Each as it is written: text page by page, so that a report of any size needs the memory of one page. */
const FORMATS = {
  json: { type: 'application/json; charset=utf-8', write: reportJson },
  csv: { type: 'text/csv; charset=utf-8; header=present', write: reportCsv },
  pdf: { type: 'application/pdf', write: reportPdf },
} as const;

/** In one piece: how many pages there are stands on the first. Loaded when first asked for: most processes never print. */
async function* reportPdf(report: IssuedReport): AsyncGenerator<Buffer> {
  const { printReport } = await import('../pdf/report-pdf.js');
  yield printReport(report.head, report);
}
