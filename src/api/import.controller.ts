/** Many requests at once: a file of any size, stored while it arrives, answered line by line. */
import { Readable } from 'node:stream';
import { Controller, Header, HttpCode, Inject, Post, Query, Req, StreamableFile } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiBody, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Intake } from '../erasure/intake.js';
import { importRequests } from '../erasure/import-requests.js';
import type { ImportEntry, Imported, ImportProblem } from '../erasure/import-requests.js';
import { IMPORT_HEADER, ImportHeaderError, readImportCsv } from '../erasure/read-import-csv.js';
import { readImportNdjson } from '../erasure/read-import-ndjson.js';
import type { Submission } from '../erasure/store-requests.js';
import { Workplace } from '../erasure/workplace.js';
import { sqlState } from '../store/database.js';
import type { Caller } from './caller.js';
import { Clock } from './clock.js';
import { InputPipe } from './input.pipe.js';
import { readBody } from './json-body.js';
import { ByCaller, Needs } from './key.guard.js';
import { NoQuery } from './no-input.dto.js';
import { problemResponse } from './problem-response.js';
import { Problem } from './problem.js';
import { readSubmission } from './submission.js';
import { SubmitRequestDto } from './submit-request.dto.js';

/** A sender that says nothing for so long has gone away. */
const IDLE_MS = 120_000;
/** Answers kept for a sender that reads them only when it has sent everything. */
const UNREAD_BYTES_MAX = 16 * 1024 * 1024;

const NDJSON = 'application/x-ndjson';
const text = { schema: { type: 'string' } } as const;

@ApiTags('Erasure requests')
@Controller('v1/erasure-requests')
export class ImportController {
  private readonly pipe = new InputPipe();

  constructor(
    @Inject(Workplace) private readonly workplace: Workplace,
    @Inject(Intake) private readonly intake: Intake,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  @Post('import')
  @HttpCode(200)
  @Needs('requests:write')
  @RouteConfig({ streams: true })
  @Header('content-type', NDJSON)
  @ApiOperation({
    summary: 'Import requests from CSV or NDJSON, streamed, of any size',
    description: `CSV has the header line \`${IMPORT_HEADER.join(',')}\`; neighbouring lines of one subject make one request, and each names one ID. NDJSON has one body of a submission a line. The answer has one line a request: its id and first line, or the line and what is wrong with it. The same file sent again makes nothing twice.`,
  })
  @ApiBody({
    required: true,
    schema: { type: 'string' },
    description: '`text/csv` or `application/x-ndjson`, in UTF-8.',
  })
  @ApiResponse({
    status: 200,
    description: 'One JSON object a line, as the file is read.',
    content: { [NDJSON]: text },
  })
  @ApiResponse(problemResponse(400, 'The first line of the CSV is not the header.'))
  @ApiResponse(problemResponse(415, 'Neither CSV nor NDJSON in UTF-8.'))
  async import(
    @Query() _query: NoQuery,
    @Req() request: FastifyRequest,
    @ByCaller() caller: Caller,
  ): Promise<StreamableFile> {
    const chunks = request.body;
    if (!(chunks instanceof Readable)) throw new Problem('media_type_unsupported', `Send text/csv or ${NDJSON}.`);
    request.raw.setTimeout(IDLE_MS, () => request.raw.destroy());
    const imported = importRequests(this.intake, this.entries(request, chunks), caller.actor);
    const first = await imported.next().catch((error: unknown) => {
      if (!(error instanceof ImportHeaderError)) throw error;
      throw new Problem('invalid_input', 'The input has errors.', { errors: [{ path: '', message: error.message }] });
    });
    const lines = Readable.from(answered(first, imported), { objectMode: false, highWaterMark: UNREAD_BYTES_MAX });
    lines.on('error', (error) => this.workplace.log.warn({ code: sqlState(error) }, 'an import was cut'));
    return new StreamableFile(lines);
  }

  private entries(request: FastifyRequest, chunks: Readable): AsyncIterable<ImportEntry> {
    return isCsv(request.headers['content-type'])
      ? readImportCsv(this.workplace, chunks)
      : readImportNdjson(chunks, (bytes) => this.readLine(bytes));
  }

  /** One line as the body of a submission, held to the same rules. */
  private async readLine(bytes: Buffer): Promise<Submission | { readonly problem: ImportProblem }> {
    try {
      const value = readBody('application/json', bytes);
      const body: unknown = await this.pipe.transform(value, { type: 'body', metatype: SubmitRequestDto });
      if (!(body instanceof SubmitRequestDto)) throw new Problem('body_missing', 'Send a JSON object.');
      return readSubmission(body, this.workplace, this.clock.nowMs());
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const { slug, detail, extras } = error;
      return { problem: { slug, detail, errors: extras.errors ?? [] } };
    }
  }
}

/** Media types by which a file may be sent; an import is never guessed from its bytes. */
export const IMPORT_TYPES = ['text/csv', NDJSON] as const;

const isCsv = (contentType: string | undefined): boolean => /^text\/csv\b/i.test(contentType ?? '');

async function* answered(
  first: IteratorResult<Imported, void>,
  rest: AsyncIterable<Imported>,
): AsyncGenerator<Buffer, void, undefined> {
  if (first.done === true) return;
  yield lineOf(first.value);
  for await (const imported of rest) yield lineOf(imported);
}

function lineOf(imported: Imported): Buffer {
  if ('id' in imported) return Buffer.from(`${JSON.stringify(imported)}\n`);
  const { slug, detail, errors } = imported.problem;
  const problem = { type: `urn:expunge:problem:${slug}`, detail, ...(errors.length > 0 ? { errors } : {}) };
  return Buffer.from(`${JSON.stringify({ line: imported.line, ...problem })}\n`);
}
