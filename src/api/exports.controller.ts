/** The period export: every item of a period, streamed, of any size. */
import { Readable } from 'node:stream';
import { Controller, Get, Inject, Query, Res, StreamableFile } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { exportPeriod } from '../erasure/export-period.js';
import { notePeriodExport } from '../erasure/note-export.js';
import { Workplace } from '../erasure/workplace.js';
import { sqlState } from '../store/database.js';
import type { Caller } from './caller.js';
import { ExportItemsQuery } from './export-items.dto.js';
import { ByCaller, Needs } from './key.guard.js';
import { problemResponse } from './problem-response.js';
import { Problem } from './problem.js';
import { readTimestamp } from './timestamp.js';

/** Each holds a connection and a snapshot for as long as its reader takes. */
const EXPORTS_AT_ONCE = 4;

const MEDIA_TYPES = { csv: 'text/csv; charset=utf-8', ndjson: 'application/x-ndjson' } as const;
const text = { schema: { type: 'string' } } as const;

@ApiTags('Reports')
@Controller('v1/reports')
export class ExportsController {
  private running = 0;

  constructor(@Inject(Workplace) private readonly workplace: Workplace) {}

  @Get('items')
  @Needs('reports:read')
  @ApiOperation({
    summary: 'Export the items of requests received in a period',
    description:
      'The last line counts the items and carries the SHA-256 of all bytes before it; a file without it was cut.',
  })
  @ApiResponse({
    status: 200,
    description: 'One line an item.',
    content: { 'text/csv': text, 'application/x-ndjson': text },
  })
  @ApiResponse(problemResponse(400, 'A parameter is not valid.'))
  @ApiResponse(problemResponse(429, 'As many exports as may are running.'))
  async items(
    @Query() query: ExportItemsQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
    @ByCaller() caller: Caller,
  ): Promise<StreamableFile> {
    const { from, to, format = 'csv' } = query;
    const filter = {
      from: from === undefined ? null : readTimestamp(from),
      to: to === undefined ? null : readTimestamp(to),
      system: query.system ?? null,
      outcome: query.outcome ?? null,
    };
    if (filter.from !== null && filter.to !== null && filter.from >= filter.to) {
      const errors = [{ path: '/to', message: 'must be later than `from`' }];
      throw new Problem('invalid_input', 'The input has errors.', { errors });
    }
    if (this.running >= EXPORTS_AT_ONCE) {
      throw new Problem('too_many_exports', `At most ${EXPORTS_AT_ONCE} exports run at once.`);
    }
    this.running += 1;
    try {
      await notePeriodExport(this.workplace, caller.actor, {
        kind: 'items',
        format,
        from: filter.from?.toISOString() ?? null,
        to: filter.to?.toISOString() ?? null,
        system: filter.system,
        outcome: filter.outcome,
      });
    } catch (error) {
      this.running -= 1;
      throw error;
    }
    const bytes = Readable.from(exportPeriod(this.workplace, filter, format), { objectMode: false });
    // Also when the reader has gone away before the first byte was asked for.
    bytes.once('close', () => (this.running -= 1));
    bytes.on('error', (error) => this.workplace.log.warn({ code: sqlState(error) }, 'an export was cut'));
    reply.header('cache-control', 'no-store');
    const disposition = `attachment; filename="expunge-items.${format}"`;
    return new StreamableFile(bytes, { type: MEDIA_TYPES[format], disposition });
  }
}
