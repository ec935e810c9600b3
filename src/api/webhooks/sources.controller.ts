/** Webhook sources, for administrators. */
import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Patch, Post, Query, Req } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import type { JsonObject } from '../../core/json.js';
import { secretKey } from '../../core/webhook-signature.js';
import { knownTargets } from '../../erasure/known-targets.js';
import { previewRequest } from '../../erasure/preview-request.js';
import type { Preview } from '../../erasure/preview-request.js';
import { checkDefinition, secretForm, understand } from '../../erasure/source-mapping.js';
import {
  addSecret,
  makeSource,
  releaseHeld,
  removeOlderSecret,
  removeSource,
  setVolume,
} from '../../erasure/webhook-sources.js';
import { Workplace } from '../../erasure/workplace.js';
import type { DeliveryAnswer } from '../../store/webhook-deliveries.js';
import { listSources } from '../../store/webhook-sources.js';
import type { SourceResource } from '../../store/webhook-sources.js';
import type { Caller } from '../caller.js';
import { ByCaller, Needs, RawBody } from '../key.guard.js';
import { NoBody, NoQuery } from '../no-input.dto.js';
import { problemResponse } from '../problem-response.js';
import { Problem } from '../problem.js';
import { jsonResponse } from '../resource-schemas.js';
import { deliveryOf, refusedPayload } from './delivery.js';
import { ChangeSourceDto, DEFAULT_VOLUME, isSourceName, NewSecretDto, NewSourceDto } from './source.dto.js';

@ApiTags('Webhook sources')
@Controller('v1/webhook-sources')
export class SourcesController {
  constructor(@Inject(Workplace) private readonly workplace: Workplace) {}

  @Post()
  @Needs('admin')
  @ApiOperation({ summary: 'Let a sender ask for erasures by signed webhooks' })
  @ApiResponse(jsonResponse(201, 'Made. A secret that was made is shown this once.', 'WebhookSourceMade'))
  @ApiResponse(problemResponse(400, 'The definition is not valid.'))
  @ApiResponse(problemResponse(409, 'There is a source of that name.'))
  @ApiResponse(problemResponse(422, 'A system is not configured.'))
  async make(@Body() body: NewSourceDto, @Query() _query: NoQuery): Promise<SourceResource & { secret?: string }> {
    const { name, scheme, events, subjectRef, secret = null, targets = null } = body;
    const subjectsPerHour = body.subjectsPerHour ?? DEFAULT_VOLUME;
    const definition = { name, scheme, events, subjectRef, targets, subjectsPerHour };
    const { problems, unconfigured } = checkDefinition(this.workplace, definition, secret);
    if (problems.length > 0) throw new Problem('invalid_input', 'The input has errors.', { errors: problems });
    if (unconfigured.length > 0) throw new Problem('not_configured', 'Nothing was stored.', { errors: unconfigured });
    const made = await makeSource(this.workplace, definition, secret);
    if (made.kind === 'source_exists') throw new Problem('source_exists', 'Take another name, or remove that source.');
    return { ...(await this.source(name)), ...(made.secret === null ? {} : { secret: made.secret }) };
  }

  @Get()
  @Needs('admin')
  @ApiOperation({ summary: 'List the webhook sources' })
  @ApiResponse(jsonResponse(200, 'All of them, on one page.', 'WebhookSourcePage'))
  @ApiResponse(problemResponse(400, 'There are no parameters here.'))
  async list(@Query() _query: NoQuery): Promise<{ data: readonly SourceResource[]; nextCursor: null }> {
    return { data: await listSources(this.workplace.database, null), nextCursor: null };
  }

  @Get(':name')
  @Needs('admin')
  @ApiOperation({ summary: 'Read one webhook source' })
  @ApiResponse(jsonResponse(200, 'The source, without its secrets.', 'WebhookSource'))
  @ApiResponse(problemResponse(404, 'No such source.'))
  read(@Param('name') name: string, @Query() _query: NoQuery): Promise<SourceResource> {
    return this.source(name);
  }

  @Patch(':name')
  @Needs('admin')
  @ApiOperation({ summary: 'Change beyond how many subjects an hour requests are held' })
  @ApiResponse(jsonResponse(200, 'The source as it now is.', 'WebhookSource'))
  @ApiResponse(problemResponse(400, 'The body is not valid.'))
  @ApiResponse(problemResponse(404, 'No such source.'))
  async change(
    @Param('name') name: string,
    @Body() body: ChangeSourceDto,
    @Query() _query: NoQuery,
  ): Promise<SourceResource> {
    await this.source(name);
    if (!(await setVolume(this.workplace, name, body.subjectsPerHour))) throw unknownSource();
    return this.source(name);
  }

  @Delete(':name')
  @HttpCode(204)
  @Needs('admin')
  @ApiOperation({ summary: 'Remove a webhook source; what came from it stays known' })
  @ApiResponse({ status: 204, description: 'Removed.' })
  @ApiResponse(problemResponse(404, 'No such source.'))
  @ApiResponse(problemResponse(409, 'Requests of it are held.'))
  async remove(@Param('name') name: string, @Query() _query: NoQuery): Promise<void> {
    await this.source(name);
    const { kind } = await removeSource(this.workplace, name);
    if (kind === 'not_found') throw unknownSource();
    if (kind === 'requests_held') throw new Problem(kind, 'Release or cancel them first: else nobody could.');
  }

  @Post(':name/secrets')
  @Needs('admin')
  @ApiBody({ type: NewSecretDto, required: false })
  @ApiOperation({ summary: 'Add a second secret: deliveries signed with either count' })
  @ApiResponse(jsonResponse(201, 'Added. A secret that was made is shown this once.', 'MadeSecret'))
  @ApiResponse(problemResponse(400, 'The secret is none of this scheme.'))
  @ApiResponse(problemResponse(404, 'No such source.'))
  @ApiResponse(problemResponse(409, 'There are two already.'))
  async addSecret(
    @Param('name') name: string,
    @Body() body: NewSecretDto,
    @Query() _query: NoQuery,
  ): Promise<{ secret?: string }> {
    const source = await this.source(name);
    const { secret = null } = body;
    if (secret !== null && secretKey(source.scheme, secret) === null) {
      const errors = [{ path: '/secret', message: secretForm(source.scheme) }];
      throw new Problem('invalid_input', 'The input has errors.', { errors });
    }
    const added = await addSecret(this.workplace, source, secret);
    if (added.kind === 'not_found') throw unknownSource();
    if (added.kind !== 'made') throw new Problem(added.kind, 'Remove the older one first.');
    return added.secret === null ? {} : { secret: added.secret };
  }

  @Delete(':name/secrets')
  @HttpCode(204)
  @Needs('admin')
  @ApiOperation({ summary: 'Remove the older of two secrets' })
  @ApiResponse({ status: 204, description: 'Only the newer one counts now.' })
  @ApiResponse(problemResponse(404, 'No such source.'))
  @ApiResponse(problemResponse(409, 'There is only one.'))
  async removeSecret(@Param('name') name: string, @Query() _query: NoQuery): Promise<void> {
    await this.source(name);
    const { kind } = await removeOlderSecret(this.workplace, name);
    if (kind === 'not_found') throw unknownSource();
    if (kind === 'last_secret') throw new Problem(kind, 'Add another one first.');
  }

  @Post(':name/test')
  @HttpCode(200)
  @Needs('admin')
  @RawBody()
  @ApiBody({ schema: { type: 'object' }, description: 'A payload as it would come, with its headers, unsigned.' })
  @ApiOperation({ summary: 'See what a sample payload would do; nothing is stored and nothing sent' })
  @ApiResponse(jsonResponse(200, 'What would be made, or why it would be ignored.', 'DeliveryPreview'))
  @ApiResponse(problemResponse(400, 'The payload is not JSON.'))
  @ApiResponse(problemResponse(404, 'No such source.'))
  @ApiResponse(problemResponse(422, 'The mapping finds no usable value, or the body is not what its headers say.'))
  async test(
    @Param('name') name: string,
    @Req() request: FastifyRequest,
    @Query() _query: NoQuery,
  ): Promise<DeliveryAnswer | (Preview & { readonly targets: readonly JsonObject[] | null })> {
    const understood = understand(this.workplace, await this.source(name), deliveryOf(request));
    if (understood.kind === 'ignored') return { ignored: true, reason: understood.reason };
    if (understood.kind !== 'asks') throw refusedPayload(understood);
    const { submission, written } = understood;
    const known = await knownTargets(this.workplace.database, this.workplace, submission);
    if (known.kind === 'unknown_subject') return { ignored: true, reason: 'unknown_subject' };
    if (known.kind === 'not_configured') throw refusedPayload(known);
    const preview = await previewRequest(this.workplace, { ...submission, targets: known.targets });
    return { ...preview, targets: written };
  }

  @Post(':name/release')
  @HttpCode(200)
  @Needs('admin')
  @ApiBody({ type: NoBody, required: false })
  @ApiOperation({ summary: 'Let the held requests of a source go, and count its subjects anew' })
  @ApiResponse(jsonResponse(200, 'They are handed out like any other.', 'Released'))
  @ApiResponse(problemResponse(404, 'No such source.'))
  async release(
    @Param('name') name: string,
    @Body() _body: NoBody,
    @Query() _query: NoQuery,
    @ByCaller() caller: Caller,
  ): Promise<{ released: number }> {
    await this.source(name);
    const released = await releaseHeld(this.workplace, name, caller.actor);
    if (released === null) throw unknownSource();
    return { released };
  }

  private async source(name: string): Promise<SourceResource> {
    const [source] = isSourceName(name) ? await listSources(this.workplace.database, name) : [];
    if (!source) throw unknownSource();
    return source;
  }
}

function unknownSource(): Problem {
  return new Problem('not_found', 'There is no such source.');
}
