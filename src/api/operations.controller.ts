/** For those who run the service: is it alive, is it ready, how is it doing. */
import { Controller, Get, HttpException, Inject, Res } from '@nestjs/common';
import type { OnModuleDestroy, OnModuleInit } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { HealthCheckService, HealthIndicatorService } from '@nestjs/terminus';
import type { HealthIndicatorResult } from '@nestjs/terminus';
import type { FastifyReply } from 'fastify';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Workplace } from '../erasure/workplace.js';
import { schemaState } from '../store/migrate.js';
import { readMetrics } from '../store/read-metrics.js';
import { Public } from './key.guard.js';
import { CallMetrics, stateText } from './metrics.js';
import { problemResponse } from './problem-response.js';
import { Problem } from './problem.js';
import { QueueProbe } from './queue-probe.js';
import { jsonResponse } from './resource-schemas.js';

/** What does not answer within this time counts as down. */
const CHECK_TIMEOUT_MS = 2000;

const NANOSECONDS_PER_MS = 1_000_000;
const LOOP_RESOLUTION_MS = 20;

interface Readiness {
  readonly status: 'ready';
  readonly checks: Readonly<Record<string, string>>;
}

@ApiTags('Operations')
@Controller()
export class OperationsController implements OnModuleInit, OnModuleDestroy {
  private readonly loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });

  constructor(
    @Inject(Workplace) private readonly workplace: Workplace,
    @Inject(CallMetrics) private readonly calls: CallMetrics,
    @Inject(QueueProbe) private readonly queue: QueueProbe,
    @Inject(HealthCheckService) private readonly health: HealthCheckService,
    @Inject(HealthIndicatorService) private readonly indicators: HealthIndicatorService,
  ) {}

  @Get('healthz')
  @Public()
  @ApiOperation({ summary: 'Liveness: the process answers' })
  @ApiResponse(jsonResponse(200, 'Alive.', 'Liveness'))
  alive(): { status: 'ok'; eventLoopDelayMs: number } {
    const worstMs = Math.round(this.loop.max / NANOSECONDS_PER_MS);
    this.loop.reset();
    return { status: 'ok', eventLoopDelayMs: worstMs };
  }

  onModuleInit(): void {
    this.loop.enable();
  }

  onModuleDestroy(): void {
    this.loop.disable();
  }

  @Get('readyz')
  @Public()
  @ApiOperation({ summary: 'Readiness: the database answers and its schema is current' })
  @ApiResponse(jsonResponse(200, 'Ready. A queue that is `degraded` costs latency only.', 'Readiness'))
  @ApiResponse(problemResponse(503, 'Not ready; `checks` says why.'))
  async ready(): Promise<Readiness> {
    const { database } = this.workplace;
    try {
      const result = await this.health.check([
        () =>
          this.indicators
            .check('database')
            .attempt(() => database.ping())
            .withTimeout(CHECK_TIMEOUT_MS),
        () =>
          this.indicators
            .check('migrations')
            .attempt(() => this.schemaIsCurrent())
            .withTimeout(CHECK_TIMEOUT_MS),
        () => this.queueState(),
      ]);
      return { status: 'ready', checks: statuses(result) };
    } catch (error) {
      const checks = error instanceof HttpException ? statuses(error.getResponse()) : {};
      throw new Problem('not_ready', 'Try again later.', { members: { checks } });
    }
  }

  @Get('metrics')
  @Public()
  @ApiOperation({ summary: 'Metrics in the text format of Prometheus' })
  @ApiResponse({ status: 200, description: 'The metrics.', content: { 'text/plain': { schema: { type: 'string' } } } })
  @ApiResponse(problemResponse(503, 'The database is away.'))
  async metrics(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const state = await stateText(await readMetrics(this.workplace.database));
    reply.type(this.calls.registry.contentType);
    return `${state}\n${await this.calls.registry.metrics()}`;
  }

  private async schemaIsCurrent(): Promise<void> {
    const state = await schemaState(this.workplace.database.pool);
    if (state !== 'current') throw new Error(`the schema is ${state}`);
  }

  /** A queue that is away never makes the service unready: work goes on without it, later. */
  private async queueState(): Promise<HealthIndicatorResult> {
    const queue = this.indicators.check('queue');
    const asked = await queue.attempt(() => this.queue.ping()).withTimeout(CHECK_TIMEOUT_MS);
    return asked.queue.status === 'up' ? queue.up() : queue.degraded();
  }
}

/** Of every check only how it stands: the rest may name hosts. */
function statuses(result: unknown): Record<string, string> {
  if (typeof result !== 'object' || result === null || !('details' in result)) return {};
  const { details } = result;
  if (typeof details !== 'object' || details === null) return {};
  return Object.fromEntries(Object.entries(details).map(([name, check]: [string, unknown]) => [name, statusOf(check)]));
}

function statusOf(check: unknown): string {
  const known = typeof check === 'object' && check !== null && 'status' in check ? check.status : null;
  return typeof known === 'string' ? known : 'unknown';
}
