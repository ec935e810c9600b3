/** API keys: made, listed, revoked. */
import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Workplace } from '../erasure/workplace.js';
import { listApiKeys, makeApiKey, revokeApiKey } from '../store/api-keys.js';
import type { ApiKeyResource } from '../store/api-keys.js';
import type { PageOf } from '../store/cursor.js';
import { ListApiKeysQuery, MakeApiKeyDto } from './api-keys.dto.js';
import type { Caller } from './caller.js';
import { Clock } from './clock.js';
import { IdPipe } from './id.pipe.js';
import { ByCaller, Needs } from './key.guard.js';
import { NoQuery } from './no-input.dto.js';
import { pageOf, pageOr } from './page.js';
import { problemResponse } from './problem-response.js';
import { Problem } from './problem.js';
import { jsonResponse } from './resource-schemas.js';
import { readTimestamp } from './timestamp.js';

@ApiTags('API keys')
@Controller('v1/api-keys')
export class ApiKeysController {
  constructor(
    @Inject(Workplace) private readonly workplace: Workplace,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  @Post()
  @HttpCode(201)
  @Needs('admin')
  @ApiOperation({ summary: 'Make a key' })
  @ApiResponse(jsonResponse(201, 'The key, shown this once.', 'NewApiKey'))
  @ApiResponse(problemResponse(400, 'The body is not valid.'))
  @ApiResponse(problemResponse(415, 'Not application/json in UTF-8.'))
  async make(
    @Body() body: MakeApiKeyDto,
    @Query() _query: NoQuery,
    @ByCaller() caller: Caller,
  ): Promise<ApiKeyResource & { readonly key: string }> {
    const expiresAt = body.expiresAt === undefined ? null : readTimestamp(body.expiresAt);
    if (expiresAt !== null && expiresAt.getTime() <= this.clock.nowMs()) {
      throw new Problem('invalid_input', 'The input has errors.', {
        errors: [{ path: '/expiresAt', message: 'must be in the future' }],
      });
    }
    const { name, scopes } = body;
    const made = await makeApiKey(this.workplace.database, { name, scopes, expiresAt }, caller.actor);
    this.workplace.log.info({ key: made.id, scopes, by: caller.actor }, 'a key was made');
    return made;
  }

  @Get()
  @Needs('admin')
  @ApiOperation({ summary: 'List the keys, newest first; revoked ones stay on record' })
  @ApiResponse(jsonResponse(200, 'A page of keys, none of them in clear.', 'ApiKeyPage'))
  @ApiResponse(problemResponse(400, 'A parameter is not valid.'))
  async list(@Query() query: ListApiKeysQuery): Promise<PageOf<ApiKeyResource>> {
    return pageOr(await listApiKeys(this.workplace.database, pageOf(query)));
  }

  @Delete(':id')
  @HttpCode(204)
  @Needs('admin')
  @ApiOperation({ summary: 'Revoke a key, at once and for good' })
  @ApiResponse({ status: 204, description: 'Revoked; also when it was before.' })
  @ApiResponse(problemResponse(400, 'The id is not a UUID.'))
  @ApiResponse(problemResponse(404, 'No such key.'))
  @ApiResponse(problemResponse(409, 'It is the last key with the scope `admin`: make another first.'))
  async revoke(@Param('id', IdPipe) id: string, @Query() _query: NoQuery, @ByCaller() caller: Caller): Promise<void> {
    const revoked = await revokeApiKey(this.workplace.database, id);
    if (revoked === 'not_found') throw new Problem('not_found', 'There is no such key.');
    if (revoked === 'last_admin') {
      throw new Problem('last_admin_key', 'Without it nobody could make another. Make one with the scope admin first.');
    }
    this.workplace.log.info({ key: id, by: caller.actor }, 'a key was revoked');
  }
}
