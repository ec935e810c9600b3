/** The subject directory: what is held of whom, told beforehand, so that a request need not name it. */
import { Body, Controller, HttpCode, Inject, Post, Put, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Workplace } from '../erasure/workplace.js';
import { forgetEntry, readEntry, replaceEntry } from '../store/subject-directory.js';
import type { DirectoryEntry } from '../store/subject-directory.js';
import { DirectoryEntryDto, DirectorySubjectDto } from './directory.dto.js';
import { Needs } from './key.guard.js';
import { NoQuery } from './no-input.dto.js';
import { problemResponse } from './problem-response.js';
import { Problem } from './problem.js';
import { jsonResponse } from './resource-schemas.js';
import { checkedTargets } from './submission.js';

interface EntryResource {
  readonly subject: { readonly ref: string };
  readonly targets: readonly unknown[];
  readonly replacedAt: string;
}

@ApiTags('Subject directory')
@Controller('v1/subject-directory')
export class DirectoryController {
  constructor(@Inject(Workplace) private readonly workplace: Workplace) {}

  @Put()
  @Needs('directory:write')
  @ApiOperation({ summary: 'Say what is held of a subject, in the place of all that was said before' })
  @ApiResponse(jsonResponse(200, 'Known from now on.', 'DirectoryEntry'))
  @ApiResponse(problemResponse(400, 'The body is not valid.'))
  @ApiResponse(problemResponse(413, 'More than 100,000 IDs or 16 MiB.'))
  @ApiResponse(problemResponse(415, 'Not application/json in UTF-8.'))
  @ApiResponse(problemResponse(422, 'A system is not configured.'))
  async replace(@Body() body: DirectoryEntryDto, @Query() _query: NoQuery): Promise<EntryResource> {
    checkedTargets(body.targets, this.workplace);
    const given: readonly unknown[] = Array.isArray(body.targets) ? body.targets : [];
    const { database, vault } = this.workplace;
    return toResource(body.subject.ref, await replaceEntry(database, vault, body.subject.ref, given));
  }

  @Post('lookup')
  @HttpCode(200)
  @Needs('directory:write')
  @ApiOperation({ summary: "Read what is known of a subject: a person's reference never stands in a URL" })
  @ApiResponse(jsonResponse(200, 'What is known.', 'DirectoryEntry'))
  @ApiResponse(problemResponse(400, 'The body is not valid.'))
  @ApiResponse(problemResponse(404, 'Nothing is known of this subject.'))
  @ApiResponse(problemResponse(415, 'Not application/json in UTF-8.'))
  async lookup(@Body() body: DirectorySubjectDto, @Query() _query: NoQuery): Promise<EntryResource> {
    const { database, vault } = this.workplace;
    const entry = await readEntry(database, vault, body.subject.ref);
    if (entry === null) throw new Problem('not_found', 'Nothing is known of this subject.');
    return toResource(body.subject.ref, entry);
  }

  @Post('forget')
  @HttpCode(204)
  @Needs('directory:write')
  @ApiOperation({ summary: 'Forget what is known of a subject; nothing is erased by that' })
  @ApiResponse({ status: 204, description: 'Nothing is known of this subject, whether there was something or not.' })
  @ApiResponse(problemResponse(400, 'The body is not valid.'))
  @ApiResponse(problemResponse(415, 'Not application/json in UTF-8.'))
  async forget(@Body() body: DirectorySubjectDto, @Query() _query: NoQuery): Promise<void> {
    await forgetEntry(this.workplace.database, this.workplace.vault, body.subject.ref);
  }
}

function toResource(ref: string, entry: DirectoryEntry): EntryResource {
  return { subject: { ref }, targets: entry.targets, replacedAt: entry.replacedAt.toISOString() };
}
