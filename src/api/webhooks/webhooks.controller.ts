/** The way in for signed deletion webhooks. */
import { Controller, Inject, Param, Post, Req, Res } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { acceptDelivery } from '../../erasure/accept-delivery.js';
import { Workplace } from '../../erasure/workplace.js';
import type { DeliveryAnswer } from '../../store/webhook-deliveries.js';
import { Clock } from '../clock.js';
import { Signed } from '../key.guard.js';
import { problemResponse } from '../problem-response.js';
import { Problem } from '../problem.js';
import { jsonResponse } from '../resource-schemas.js';
import { deliveryOf, refusedPayload } from './delivery.js';
import { isSourceName } from './source.dto.js';

@ApiTags('Webhooks')
@Controller('v1/webhooks')
export class WebhooksController {
  constructor(
    @Inject(Workplace) private readonly workplace: Workplace,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  @Post(':source')
  @Signed()
  @ApiOperation({
    summary: 'Take in a signed deletion webhook',
    description:
      'Signed by `webhook-id`, `webhook-timestamp` and `webhook-signature` (Standard Webhooks), `X-Shopify-Hmac-Sha256` or `X-Hub-Signature-256`, over the bytes of the body; at most 256 KiB.',
  })
  @ApiBody({ schema: { type: 'object' }, description: "The sender's payload." })
  @ApiResponse(jsonResponse(202, 'A request was made, or the event is none of ours.', 'DeliveryAnswer'))
  @ApiResponse(jsonResponse(200, 'Seen before: the first answer.', 'DeliveryAnswer'))
  @ApiResponse(problemResponse(400, 'Signed, and not JSON.'))
  @ApiResponse(problemResponse(401, 'The signature does not hold, or there is no such source.'))
  @ApiResponse(problemResponse(413, 'More than 256 KiB, or more than 100,000 IDs.'))
  @ApiResponse(problemResponse(422, 'The mapping finds no usable value, or the body is not what its headers say.'))
  @ApiResponse(problemResponse(500, 'A fault of ours, logged under the request id.'))
  @ApiResponse(problemResponse(503, 'The database is away; nothing was stored.'))
  async take(
    @Param('source') name: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DeliveryAnswer> {
    // A name that no source can have is looked up all the same, so that the answer takes as long.
    const source = isSourceName(name) ? name : '';
    const accepted = await acceptDelivery(this.workplace, source, deliveryOf(request), this.clock.nowMs());
    if (accepted.kind === 'unauthorized') {
      throw new Problem('signature_invalid', 'The delivery is not signed by a secret of this source.');
    }
    if (accepted.kind !== 'answered') throw refusedPayload(accepted);
    reply.status(accepted.replayed ? 200 : 202);
    return accepted.answer;
  }
}
