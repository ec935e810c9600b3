/** Erasure requests as a whole: found, read, sent again, stopped. */
import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { cancelRequest } from '../erasure/cancel-request.js';
import { retryItems } from '../erasure/retry-items.js';
import { shredRequest } from '../erasure/shred-request.js';
import { Workplace } from '../erasure/workplace.js';
import type { PageOf } from '../store/cursor.js';
import { listRequests, readRequest } from '../store/read-requests.js';
import type { RequestFilter, RequestResource } from '../store/read-requests.js';
import type { Caller } from './caller.js';
import { IdPipe } from './id.pipe.js';
import { ByCaller, Needs } from './key.guard.js';
import { ListRequestsQuery, SearchRequestsDto } from './list-requests.dto.js';
import { NoBody, NoQuery } from './no-input.dto.js';
import { ShredDto } from './shred.dto.js';
import { pageOf, pageOr } from './page.js';
import { problemResponse } from './problem-response.js';
import { Problem } from './problem.js';
import { afterWriting } from './readable.js';
import type { Acknowledgement } from './readable.js';
import { refuse } from './refusal.js';
import { jsonResponse } from './resource-schemas.js';
import { readTimestamp } from './timestamp.js';

@ApiTags('Erasure requests')
@Controller('v1/erasure-requests')
export class RequestsController {
  constructor(@Inject(Workplace) private readonly workplace: Workplace) {}

  @Get()
  @Needs('requests:read')
  @ApiOperation({ summary: 'List requests, newest first' })
  @ApiResponse(jsonResponse(200, 'A page of requests.', 'ErasureRequestPage'))
  @ApiResponse(problemResponse(400, 'A parameter is not valid.'))
  list(@Query() query: ListRequestsQuery): Promise<PageOf<RequestResource>> {
    return this.find(query);
  }

  @Post('search')
  @HttpCode(200)
  @Needs('requests:read')
  @ApiOperation({ summary: "Find requests, also by their subject: a person's reference never stands in a URL" })
  @ApiResponse(jsonResponse(200, 'A page of requests.', 'ErasureRequestPage'))
  @ApiResponse(problemResponse(400, 'The body is not valid.'))
  @ApiResponse(problemResponse(415, 'Not application/json in UTF-8.'))
  search(@Body() body: SearchRequestsDto, @Query() _query: NoQuery): Promise<PageOf<RequestResource>> {
    return this.find(body);
  }

  @Get(':id')
  @Needs('requests:read')
  @ApiOperation({ summary: 'Read one request' })
  @ApiResponse(jsonResponse(200, 'The request.', 'ErasureRequest'))
  @ApiResponse(problemResponse(400, 'The id is not a UUID.'))
  @ApiResponse(problemResponse(404, 'No such request.'))
  read(@Param('id', IdPipe) id: string, @Query() _query: NoQuery): Promise<RequestResource> {
    return this.request(id);
  }

  @Post(':id/retry')
  @HttpCode(202)
  @Needs('requests:write')
  @ApiBody({ type: NoBody, required: false })
  @ApiOperation({ summary: 'Send the failed and unconfirmed items again' })
  @ApiResponse(jsonResponse(202, 'They are pending again.', 'Written'))
  @ApiResponse(problemResponse(400, 'The id is not a UUID.'))
  @ApiResponse(problemResponse(404, 'No such request.'))
  @ApiResponse(problemResponse(409, 'No item is failed or unconfirmed, or the request was cancelled.'))
  @ApiResponse(problemResponse(410, 'The request was shredded.'))
  async retry(
    @Param('id', IdPipe) id: string,
    @Body() _body: NoBody,
    @Query() _query: NoQuery,
    @ByCaller() caller: Caller,
  ): Promise<RequestResource | Acknowledgement> {
    const retried = await retryItems(this.workplace, id, null, caller.actor);
    if (retried.kind !== 'accepted') throw refuse(retried.kind);
    return afterWriting(caller, await this.request(id));
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @Needs('requests:write')
  @ApiBody({ type: NoBody, required: false })
  @ApiOperation({ summary: 'Stop a request: nothing of it is sent again' })
  @ApiResponse(jsonResponse(200, 'Cancelled; calls in flight run to their end.', 'Written'))
  @ApiResponse(problemResponse(400, 'The id is not a UUID.'))
  @ApiResponse(problemResponse(404, 'No such request.'))
  @ApiResponse(problemResponse(409, 'Nothing is pending.'))
  async cancel(
    @Param('id', IdPipe) id: string,
    @Body() _body: NoBody,
    @Query() _query: NoQuery,
    @ByCaller() caller: Caller,
  ): Promise<RequestResource | Acknowledgement> {
    const cancelled = await cancelRequest(this.workplace, id, caller.actor);
    if (cancelled.kind !== 'cancelled') throw refuse(cancelled.kind);
    return afterWriting(caller, await this.request(id));
  }

  @Post(':id/shred')
  @HttpCode(200)
  @Needs('admin')
  @ApiBody({ type: ShredDto, required: false })
  @ApiOperation({ summary: 'Destroy the personal values of a settled request, for good' })
  @ApiResponse(jsonResponse(200, 'Destroyed, now or earlier; outcomes and counts stay.', 'ErasureRequest'))
  @ApiResponse(problemResponse(400, 'The id is not a UUID, or the body is not valid.'))
  @ApiResponse(problemResponse(404, 'No such request.'))
  @ApiResponse(problemResponse(409, 'Not settled, or in `attention` and not to be abandoned.'))
  async shred(
    @Param('id', IdPipe) id: string,
    @ByCaller() caller: Caller,
    @Body() body: ShredDto = new ShredDto(),
    @Query() _query: NoQuery = new NoQuery(),
  ): Promise<RequestResource> {
    const shredded = await shredRequest(this.workplace, id, {
      abandon: body.abandon ?? false,
      actor: caller.actor,
    });
    if (shredded.kind !== 'shredded') throw refuse(shredded.kind);
    return this.request(id);
  }

  private async request(id: string): Promise<RequestResource> {
    const { database, vault } = this.workplace;
    const found = await readRequest(database, vault, this.workplace.configuredNames(), id);
    if (found === null) throw new Problem('not_found', 'There is no such request.');
    return found;
  }

  private async find(asked: ListRequestsQuery | SearchRequestsDto): Promise<PageOf<RequestResource>> {
    const { database, vault } = this.workplace;
    return pageOr(
      await listRequests(database, vault, this.workplace.configuredNames(), filterOf(asked), pageOf(asked)),
    );
  }
}

function filterOf(asked: ListRequestsQuery | SearchRequestsDto): RequestFilter {
  const dueBefore = asked.dueBefore === undefined ? null : readTimestamp(asked.dueBefore);
  return {
    ...(asked.status === undefined ? {} : { status: asked.status }),
    ...(asked.source === undefined ? {} : { source: asked.source }),
    ...(dueBefore === null ? {} : { dueBefore }),
    ...(asked.overdue === undefined ? {} : { overdue: asked.overdue }),
    ...(asked.dueSoon === undefined ? {} : { dueSoon: asked.dueSoon }),
    ...('subject' in asked && asked.subject !== undefined ? { subjectRef: asked.subject.ref } : {}),
  };
}
