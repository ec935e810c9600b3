/** The evidence of a request: its events, and the bundle that can be verified without us. */
import { Readable } from 'node:stream';
import { Controller, Get, Headers, Inject, Param, Query, StreamableFile } from '@nestjs/common';
import type { BeforeApplicationShutdown } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { exportEvidence } from '../erasure/export-evidence.js';
import { Workplace } from '../erasure/workplace.js';
import { Sealer } from '../ledger/seal.js';
import type { PageOf } from '../store/cursor.js';
import { listEvents } from '../store/read-events.js';
import type { EventResource } from '../store/read-events.js';
import type { Caller } from './caller.js';
import { eventStream, lastEventId } from './event-stream.js';
import { EvidenceQuery } from './evidence.dto.js';
import { IdPipe } from './id.pipe.js';
import { PageQuery } from './items.dto.js';
import { ByCaller, Needs } from './key.guard.js';
import { pageOf, pageOr } from './page.js';
import { problemResponse } from './problem-response.js';
import { refuse } from './refusal.js';
import { jsonResponse } from './resource-schemas.js';
import { orLedgerBroken } from './sealed-ledger.js';

@ApiTags('Evidence')
@Controller('v1/erasure-requests/:id')
export class EvidenceController implements BeforeApplicationShutdown {
  private readonly stopping = new AbortController();

  constructor(
    @Inject(Workplace) private readonly workplace: Workplace,
    @Inject(Sealer) private readonly sealer: Sealer,
  ) {}

  /** Ends the live streams: nobody would close them. */
  beforeApplicationShutdown(): void {
    this.stopping.abort();
  }

  @Get('events')
  @Needs('requests:read')
  @ApiOperation({ summary: 'List the ledger events of a request, oldest first; live with Accept: text/event-stream' })
  @ApiResponse(jsonResponse(200, 'A page of events; or all of them as they come, as server-sent events.', 'EventPage'))
  @ApiResponse(problemResponse(400, 'A parameter is not valid.'))
  @ApiResponse(problemResponse(404, 'No such request.'))
  async events(
    @Param('id', IdPipe) id: string,
    @Query() query: PageQuery,
    @Headers() headers: Readonly<Record<string, string | undefined>>,
  ): Promise<PageOf<EventResource> | StreamableFile> {
    const { database } = this.workplace;
    const isLive = (headers['accept'] ?? '').includes('text/event-stream');
    const found = await listEvents(database, id, isLive ? { limit: 1, cursor: null } : pageOf(query));
    if (found === 'not_found') throw refuse(found);
    if (!isLive) return pageOr(found);
    const pieces = eventStream(database, id, lastEventId(headers['last-event-id']), this.stopping.signal);
    return new StreamableFile(Readable.from(pieces), { type: 'text/event-stream; charset=utf-8' });
  }

  @Get('evidence')
  @Needs('reports:read')
  @ApiOperation({ summary: 'The evidence bundle of a settled request, to be verified offline' })
  @ApiResponse(jsonResponse(200, 'The bundle; docs/evidence.md describes it.', 'EvidenceBundle'))
  @ApiResponse(problemResponse(400, 'A parameter is not valid.'))
  @ApiResponse(problemResponse(404, 'No such request.'))
  @ApiResponse(problemResponse(409, 'Something of the request is still pending.'))
  async evidence(
    @Param('id', IdPipe) id: string,
    @Query() query: EvidenceQuery,
    @ByCaller() caller: Caller,
  ): Promise<StreamableFile> {
    const how = { actor: caller.actor, disclosed: query.disclosure ?? true, since: query.since ?? null };
    const exported = exportEvidence(this.workplace, this.sealer, id, how);
    const evidence = await orLedgerBroken(this.workplace.log, exported);
    if (evidence.kind !== 'bundle') throw refuse(evidence.kind);
    return new StreamableFile(Readable.from(evidence.pieces), {
      type: 'application/json',
      disposition: `attachment; filename="evidence-${id}.json"`,
    });
  }
}
