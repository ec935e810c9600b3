/** The way in: one erasure request, for one data subject. */
import { Body, Controller, HttpCode, Inject, Post, Query, Req, Res } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { canonicalJson } from '../core/canonical.js';
import { isJsonObject } from '../core/json.js';
import { Intake, isBig } from '../erasure/intake.js';
import { knownTargets } from '../erasure/known-targets.js';
import { previewRequest } from '../erasure/preview-request.js';
import type { Preview, SystemPreview } from '../erasure/preview-request.js';
import type { Idempotency, Submission } from '../erasure/store-requests.js';
import { findReplay } from '../erasure/submit-request.js';
import type { Submitted } from '../erasure/submit-request.js';
import { Workplace } from '../erasure/workplace.js';
import { may } from './caller.js';
import type { Caller } from './caller.js';
import { Clock } from './clock.js';
import { readIdempotencyKey } from './idempotency-key.js';
import { ByCaller, Needs } from './key.guard.js';
import { problemResponse } from './problem-response.js';
import { Problem } from './problem.js';
import { jsonResponse } from './resource-schemas.js';
import { readSubmission, refuseUnknown } from './submission.js';
import { SubmitQuery, SubmitRequestDto } from './submit-request.dto.js';

const ROUTE = 'POST /v1/erasure-requests';

@ApiTags('Erasure requests')
@Controller('v1/erasure-requests')
export class SubmitController {
  constructor(
    @Inject(Workplace) private readonly workplace: Workplace,
    @Inject(Intake) private readonly intake: Intake,
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
    if (query.dryRun === true) {
      const submission = readSubmission(body, this.workplace, this.clock.nowMs());
      const known = await knownTargets(this.workplace.database, this.workplace, submission);
      if (known.kind !== 'known') throw refuseUnknown(known);
      reply.status(200);
      const preview = await previewRequest(this.workplace, { ...submission, targets: known.targets });
      return submission.targets !== null || may(caller, 'directory:write') ? preview : withoutWords(preview);
    }
    const given = request.body;
    const idempotency = key === null || !isJsonObject(given) ? null : { route: ROUTE, key, body: canonicalJson(given) };
    return answered(await this.store(body, idempotency, caller), reply);
  }

  private async store(body: SubmitRequestDto, idempotency: Idempotency | null, caller: Caller): Promise<Submitted> {
    const reading = (): Submission => readSubmission(body, this.workplace, this.clock.nowMs());
    const submission = idempotency === null ? reading() : await this.readUnlessAnswered(reading, idempotency);
    if ('kind' in submission) return submission;
    // Whether a small one's key is taken is found by taking it; of a big one all would be prepared in vain.
    const earlier = idempotency === null || !isBig(submission) ? null : await findReplay(this.workplace, idempotency);
    if (earlier !== null) return earlier;
    return this.intake.submit(submission, { actor: caller.actor, source: 'api' }, idempotency);
  }

  /** What may be submitted today says nothing about an answer already given. */
  private async readUnlessAnswered(
    reading: () => Submission,
    idempotency: Idempotency,
  ): Promise<Submission | Submitted> {
    try {
      return reading();
    } catch (error) {
      const earlier = await findReplay(this.workplace, idempotency);
      if (earlier === null) throw error;
      return earlier;
    }
  }
}

/** What the directory knows is told to nobody who may not read it: how much, but not what. */
function withoutWords(preview: Preview): Preview {
  const hidden = ({ selectors, ...system }: SystemPreview) => ({
    ...system,
    selectors: selectors.map(() => 'a selector that the subject directory knows'),
  });
  return { ...preview, systems: preview.systems.map(hidden) };
}

/** The answer as text: a replay is the first answer byte for byte. */
function answered(submitted: Submitted, reply: FastifyReply): string {
  switch (submitted.kind) {
    case 'accepted':
      reply.header('location', `/v1/erasure-requests/${submitted.id}`).type('application/json; charset=utf-8');
      if (submitted.replayed) reply.header('idempotency-replayed', 'true');
      return submitted.body;
    case 'unknown_subject':
    case 'not_configured':
      throw refuseUnknown(submitted);
    case 'key_reused':
      throw new Problem('key_reused', 'Take another key for another body.');
    case 'key_in_flight':
      throw new Problem('key_in_flight', 'Its answer will be the answer to this one.');
    case 'key_shredded':
      throw new Problem('shredded', 'The request made under this key was shredded; the key stays taken.');
  }
}
