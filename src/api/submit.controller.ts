/** The way in: one erasure request, for one data subject. */
import { Body, Controller, HttpCode, Inject, Post, Query, Req, Res } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { canonicalJson } from '../core/canonical.js';
import { isJsonObject } from '../core/json.js';
import { previewRequest } from '../erasure/preview-request.js';
import { submitRequest } from '../erasure/submit-request.js';
import type { Submission } from '../erasure/submit-request.js';
import { Workplace } from '../erasure/workplace.js';
import type { Caller } from './caller.js';
import { Clock } from './clock.js';
import { readIdempotencyKey } from './idempotency-key.js';
import { ByCaller, Needs } from './key.guard.js';
import { problemResponse } from './problem-response.js';
import { Problem } from './problem.js';
import { jsonResponse } from './resource-schemas.js';
import { readSubmission } from './submission.js';
import { SubmitQuery, SubmitRequestDto } from './submit-request.dto.js';

const ROUTE = 'POST /v1/erasure-requests';

@ApiTags('Erasure requests')
@Controller('v1/erasure-requests')
export class SubmitController {
  constructor(
    @Inject(Workplace) private readonly workplace: Workplace,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  @Post()
  @HttpCode(202)
  @Needs('requests:write')
  @ApiOperation({ summary: 'Submit an erasure request, or see what it would do' })
  @ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    description:
      '1 to 255 printable ASCII characters, quoted or bare. The same key with the same body gives the first answer again, for good.',
    schema: { type: 'string' },
  })
  @ApiResponse({
    ...jsonResponse(202, 'Accepted and stored.', 'ErasureRequest'),
    headers: {
      Location: { description: 'Where to read the request.', schema: { type: 'string' } },
      'Idempotency-Replayed': {
        description: '`true` when this is the first answer again.',
        schema: { type: 'string' },
      },
    },
  })
  @ApiResponse(jsonResponse(200, 'With `dryRun=true`: what would be made.', 'Preview'))
  @ApiResponse(problemResponse(400, 'The body, a parameter or the key is not valid.'))
  @ApiResponse(problemResponse(409, 'The first request under this key is still running.'))
  @ApiResponse(problemResponse(410, 'The request made under this key was shredded.'))
  @ApiResponse(problemResponse(413, 'More than 100,000 IDs or 16 MiB.'))
  @ApiResponse(problemResponse(415, 'Not application/json in UTF-8.'))
  @ApiResponse(
    problemResponse(
      422,
      'The key stands for another body, a system is not configured, or nothing is known of the subject.',
    ),
  )
  async submit(
    @Body() body: SubmitRequestDto,
    @Query() query: SubmitQuery,
    @Req() request: FastifyRequest,
    @ByCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<unknown> {
    const key = readIdempotencyKey(request.raw.rawHeaders);
    const submission = readSubmission(body, this.workplace, this.clock.nowMs());
    if (query.dryRun === true) {
      reply.status(200);
      return previewRequest(this.workplace, submission);
    }
    return this.store(submission, key, request.body, caller, reply);
  }

  /** Gives the answer as text: a replay is the first answer byte for byte. */
  private async store(
    submission: Submission,
    key: string | null,
    body: unknown,
    caller: Caller,
    reply: FastifyReply,
  ): Promise<string> {
    const idempotency = key === null || !isJsonObject(body) ? null : { route: ROUTE, key, body: canonicalJson(body) };
    const by = { actor: caller.actor, source: 'api' };
    const submitted = await submitRequest(this.workplace, submission, by, idempotency);
    switch (submitted.kind) {
      case 'accepted':
        reply.header('location', `/v1/erasure-requests/${submitted.id}`).type('application/json; charset=utf-8');
        if (submitted.replayed) reply.header('idempotency-replayed', 'true');
        return submitted.body;
      case 'key_reused':
        throw new Problem('key_reused', 'Take another key for another body.');
      case 'key_in_flight':
        throw new Problem('key_in_flight', 'Its answer will be the answer to this one.');
      case 'key_shredded':
        throw new Problem('shredded', 'The request made under this key was shredded; the key stays taken.');
    }
  }
}
