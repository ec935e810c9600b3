/** Lets a key make so many requests a minute, over all processes. */
import type { ExecutionContext } from '@nestjs/common';
import { ThrottlerGuard } from '@nestjs/throttler';
import type { ThrottlerLimitDetail, ThrottlerModuleOptions } from '@nestjs/throttler';
import type { FastifyRequest } from 'fastify';
import type { Limits } from '../core/rate-window.js';
import { Problem } from './problem.js';
import { MINUTE_MS } from './shared-counts.js';
import type { SharedCounts } from './shared-counts.js';

/** What the throttler is told: one limit for each key, whatever the routes. Routes without a key have none. */
export function throttlerOptions(limits: Limits, storage: SharedCounts): ThrottlerModuleOptions {
  return {
    storage,
    throttlers: [{ ttl: MINUTE_MS, limit: limits.keyRequestsPerMinute }],
    skipIf: (context) => actorOf(context) === null,
    getTracker: (_request, context) => actorOf(context) ?? '',
    generateKey: (_context, actor) => `requests ${actor}`,
  };
}

/** Every answer to a key says in X-RateLimit-* how much is left. */
export class RequestLimitGuard extends ThrottlerGuard {
  protected override throwThrottlingException(_context: ExecutionContext, said: ThrottlerLimitDetail): Promise<void> {
    const extras = { retryAfterSeconds: said.timeToBlockExpire };
    return Promise.reject(new Problem('rate_limited', `A key may ask ${said.limit} times a minute.`, extras));
  }
}

function actorOf(context: ExecutionContext): string | null {
  return context.switchToHttp().getRequest<FastifyRequest>().caller?.actor ?? null;
}
