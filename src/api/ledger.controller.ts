/** The ledger as a whole: its newest signed head, and the key that signs. */
import { Controller, Get, Header, Inject, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Workplace } from '../erasure/workplace.js';
import { Sealer } from '../ledger/seal.js';
import { publishHead } from '../store/ledger-tree.js';
import { Needs } from './key.guard.js';
import { NoQuery } from './no-input.dto.js';
import { problemResponse } from './problem-response.js';
import { refuse } from './refusal.js';

const TEXT = 'text/plain; charset=utf-8';

@ApiTags('Evidence')
@Controller('v1/ledger')
export class LedgerController {
  constructor(
    @Inject(Workplace) private readonly workplace: Workplace,
    @Inject(Sealer) private readonly sealer: Sealer,
  ) {}

  @Get('checkpoint')
  @Header('content-type', TEXT)
  @Needs('reports:read')
  @ApiOperation({ summary: 'The newest signed checkpoint' })
  @ApiResponse({
    status: 200,
    description: 'A C2SP signed note.',
    content: { 'text/plain': { schema: { type: 'string' } } },
  })
  @ApiResponse(problemResponse(400, 'There are no parameters here.'))
  async checkpoint(@Query() _query: NoQuery): Promise<string> {
    const head = await publishHead(this.workplace.database);
    if (head === null) throw refuse('not_found');
    return head.note;
  }

  @Get('public-key')
  @Header('content-type', TEXT)
  @Needs('reports:read')
  @ApiOperation({ summary: 'The key that signs checkpoints' })
  @ApiResponse({
    status: 200,
    description: 'A C2SP verifier key.',
    content: { 'text/plain': { schema: { type: 'string' } } },
  })
  @ApiResponse(problemResponse(400, 'There are no parameters here.'))
  publicKey(@Query() _query: NoQuery): string {
    return `${this.sealer.verifierKey}\n`;
  }
}
