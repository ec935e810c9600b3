/** The items of one request and the calls made for them. */
import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { resolveItem } from '../erasure/resolve-item.js';
import { retryItems } from '../erasure/retry-items.js';
import { Workplace } from '../erasure/workplace.js';
import type { PageOf } from '../store/cursor.js';
import { listAttempts } from '../store/read-attempts.js';
import type { AttemptResource } from '../store/read-attempts.js';
import { listItems, readItem } from '../store/read-items.js';
import type { ItemResource } from '../store/read-items.js';
import type { Caller } from './caller.js';
import { IdPipe } from './id.pipe.js';
import { ListItemsQuery, PageQuery, ResolveItemDto } from './items.dto.js';
import { ByCaller, Needs } from './key.guard.js';
import { NoBody, NoQuery } from './no-input.dto.js';
import { pageOf, pageOr } from './page.js';
import { problemResponse } from './problem-response.js';
import { afterWriting } from './readable.js';
import type { Acknowledgement } from './readable.js';
import { refuse } from './refusal.js';
import { jsonResponse } from './resource-schemas.js';

@ApiTags('Items')
@Controller('v1/erasure-requests/:id')
export class ItemsController {
  constructor(@Inject(Workplace) private readonly workplace: Workplace) {}

  @Get('items')
  @Needs('requests:read')
  @ApiOperation({ summary: 'List the items of a request' })
  @ApiResponse(jsonResponse(200, 'A page of items.', 'ItemPage'))
  @ApiResponse(problemResponse(400, 'A parameter is not valid.'))
  @ApiResponse(problemResponse(404, 'No such request.'))
  async items(@Param('id', IdPipe) id: string, @Query() query: ListItemsQuery): Promise<PageOf<ItemResource>> {
    const { database, vault } = this.workplace;
    const filter = {
      ...(query.system === undefined ? {} : { system: query.system }),
      ...(query.outcome === undefined ? {} : { outcome: query.outcome }),
      ...(query.kind === undefined ? {} : { kind: query.kind }),
    };
    const found = await listItems(database, vault, id, filter, pageOf(query));
    if (found === 'not_found') throw refuse(found);
    return pageOr(found);
  }

  @Get('items/:itemId')
  @Needs('requests:read')
  @ApiOperation({ summary: 'Read one item' })
  @ApiResponse(jsonResponse(200, 'The item.', 'Item'))
  @ApiResponse(problemResponse(400, 'An id is not a UUID.'))
  @ApiResponse(problemResponse(404, 'No such request or item.'))
  item(
    @Param('id', IdPipe) id: string,
    @Param('itemId', IdPipe) itemId: string,
    @Query() _query: NoQuery,
  ): Promise<ItemResource> {
    return this.read(id, itemId);
  }

  @Post('items/:itemId/retry')
  @HttpCode(202)
  @Needs('requests:write')
  @ApiBody({ type: NoBody, required: false })
  @ApiOperation({ summary: 'Send one failed or unconfirmed item again' })
  @ApiResponse(jsonResponse(202, 'It is pending again.', 'Written'))
  @ApiResponse(problemResponse(400, 'An id is not a UUID.'))
  @ApiResponse(problemResponse(404, 'No such request or item.'))
  @ApiResponse(problemResponse(409, 'The item is neither failed nor unconfirmed, or the request was cancelled.'))
  @ApiResponse(problemResponse(410, 'The request was shredded.'))
  async retry(
    @Param('id', IdPipe) id: string,
    @Param('itemId', IdPipe) itemId: string,
    @Body() _body: NoBody,
    @Query() _query: NoQuery,
    @ByCaller() caller: Caller,
  ): Promise<ItemResource | Acknowledgement> {
    const retried = await retryItems(this.workplace, id, itemId, caller.actor);
    if (retried.kind !== 'accepted') throw refuse(retried.kind);
    return afterWriting(caller, await this.read(id, itemId));
  }

  @Post('items/:itemId/resolve')
  @HttpCode(200)
  @Needs('requests:write')
  @ApiOperation({ summary: 'Close a failed or unconfirmed item by hand; its outcome stays' })
  @ApiResponse(jsonResponse(200, 'The item, resolved.', 'Written'))
  @ApiResponse(problemResponse(400, 'The body or an id is not valid.'))
  @ApiResponse(problemResponse(404, 'No such request or item.'))
  @ApiResponse(problemResponse(409, 'The item is not open.'))
  @ApiResponse(problemResponse(410, 'The request was shredded.'))
  async resolve(
    @Param('id', IdPipe) requestId: string,
    @Param('itemId', IdPipe) itemId: string,
    @Body() body: ResolveItemDto,
    @Query() _query: NoQuery,
    @ByCaller() caller: Caller,
  ): Promise<ItemResource | Acknowledgement> {
    const how = { resolution: body.resolution, reason: body.reason, actor: caller.actor };
    const resolved = await resolveItem(this.workplace, { requestId, itemId }, how);
    if (resolved.kind !== 'resolved') throw refuse(resolved.kind);
    return afterWriting(caller, await this.read(requestId, itemId));
  }

  @Get('attempts')
  @Needs('requests:read')
  @ApiOperation({ summary: 'List every provider call that carried items of a request' })
  @ApiResponse(jsonResponse(200, 'A page of calls.', 'AttemptPage'))
  @ApiResponse(problemResponse(400, 'A parameter is not valid.'))
  @ApiResponse(problemResponse(404, 'No such request.'))
  async attempts(@Param('id', IdPipe) id: string, @Query() query: PageQuery): Promise<PageOf<AttemptResource>> {
    const { database, vault } = this.workplace;
    const found = await listAttempts(database, vault, id, pageOf(query));
    if (found === 'not_found') throw refuse(found);
    return pageOr(found);
  }

  private async read(id: string, itemId: string): Promise<ItemResource> {
    const found = await readItem(this.workplace.database, this.workplace.vault, id, itemId);
    if (found === null) throw refuse('not_found');
    return found;
  }
}
