/** The systems of this installation: their limits, and what holds them back. */
import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { resumeSystem } from '../erasure/resume-system.js';
import { Workplace } from '../erasure/workplace.js';
import { listSystems } from '../store/read-systems.js';
import type { SystemResource } from '../store/read-systems.js';
import type { Caller } from './caller.js';
import { ByCaller, Needs } from './key.guard.js';
import { NoBody, NoQuery } from './no-input.dto.js';
import { problemResponse } from './problem-response.js';
import { Problem } from './problem.js';
import { jsonResponse } from './resource-schemas.js';

@ApiTags('Systems')
@Controller('v1/systems')
export class SystemsController {
  constructor(@Inject(Workplace) private readonly workplace: Workplace) {}

  @Get()
  @Needs('requests:read')
  @ApiOperation({ summary: 'List the systems' })
  @ApiResponse(jsonResponse(200, 'All of them, on one page.', 'SystemPage'))
  @ApiResponse(problemResponse(400, 'There are no parameters here.'))
  async list(@Query() _query: NoQuery): Promise<{ data: readonly SystemResource[]; nextCursor: null }> {
    return { data: await this.systems(), nextCursor: null };
  }

  @Post(':system/resume')
  @HttpCode(200)
  @Needs('admin')
  @ApiBody({ type: NoBody, required: false })
  @ApiOperation({ summary: 'Lift the block of a system, and of all systems of its provider' })
  @ApiResponse(jsonResponse(200, 'Open; also when it was open before.', 'System'))
  @ApiResponse(problemResponse(404, 'No such system.'))
  async resume(
    @Param('system') name: string,
    @Body() _body: NoBody,
    @Query() _query: NoQuery,
    @ByCaller() caller: Caller,
  ): Promise<SystemResource> {
    if (!this.workplace.systems.has(name)) throw unknown();
    const resumed = await resumeSystem(this.workplace, name, caller.actor);
    const system = (await this.systems()).find((each) => each.system === name);
    if (resumed.kind === 'not_found' || !system) throw unknown();
    return system;
  }

  private async systems(): Promise<readonly SystemResource[]> {
    return listSystems(this.workplace.database, this.workplace.systems);
  }
}

function unknown(): Problem {
  return new Problem('not_found', 'There is no such system.');
}
