/** What answers look like, for the API document. */
import type { ApiResponseOptions } from '@nestjs/swagger';
import { OUTCOMES } from '../core/item.js';
import { STATUSES } from '../core/request.js';
import { EVENT_TYPES } from '../ledger/append.js';
import { count, counts, id, listOf, nullable, object, pageOf, systemName, text, time } from './schema.js';
import type { Schema } from './schema.js';
import { WAYS_IN_SCHEMAS } from './ways-in-schemas.js';

const subject = { oneOf: [object({ ref: text }), { type: 'null' }] };

export const RESOURCE_SCHEMAS = {
  ErasureRequest: object(
    {
      id,
      status: { type: 'string', enum: [...STATUSES] },
      subject,
      note: nullable(text),
      source: { ...text, description: '`api`, `import` or `webhook:NAME`.' },
      actor: text,
      receivedAt: time,
      dueAt: { ...time, description: 'One month after receipt, by Regulation 1182/71.' },
      createdAt: time,
      settledAt: nullable(time),
      shreddedAt: nullable(time),
      held: { enum: ['volume', null], description: 'Why nothing of it is sent until a person lets it go.' },
      counts: counts(['total', ...OUTCOMES]),
      blockedBy: listOf(object({ system: systemName, reason: text, since: time })),
      warnings: listOf(object({ code: text, system: nullable(text), at: time })),
    },
    'What a controller asked for one data subject. Personal values are null once shredded.',
  ),
  ErasureRequestPage: pageOf('ErasureRequest'),
  Item: object(
    {
      id,
      system: systemName,
      kind: { type: 'string', enum: ['id', 'selector', 'discovered'] },
      externalId: nullable(text),
      scope: { type: ['object', 'null'] },
      outcome: { type: 'string', enum: [...OUTCOMES] },
      evidence: { enum: ['provider', 'reconciled', 'repeat', null] },
      providerId: nullable(text),
      providerMessage: nullable(text),
      reason: { enum: ['denied', 'rejected', 'contract', null] },
      matched: nullable(count),
      selectorId: nullable(id),
      attempts: count,
      lastAttemptAt: nullable(time),
      settledAt: nullable(time),
      resolution: { enum: ['erased_elsewhere', 'waived', null] },
      resolutionReason: nullable(text),
      resolvedBy: nullable(text),
      resolvedAt: nullable(time),
    },
    'One ID, or one selector, of one request at one system.',
  ),
  ItemPage: pageOf('Item'),
  Attempt: object(
    {
      id,
      system: systemName,
      startedAt: time,
      endedAt: nullable(time),
      httpStatus: nullable({ type: 'integer' }),
      providerStatus: nullable(text),
      providerMessage: nullable(text),
      providerCount: nullable(count),
      responseSha256: nullable(text),
      ids: { ...count, description: 'How many different IDs the call named, whoever asked for them.' },
      items: { ...count, description: 'How many items of this request it carried.' },
      late: { type: 'boolean' },
      verdict: { enum: ['answered', 'refused', 'unclear', 'blocked', 'interrupted', null] },
    },
    'One provider call that carried items of the request.',
  ),
  AttemptPage: pageOf('Attempt'),
  Event: object(
    {
      seq: count,
      type: { enum: [...EVENT_TYPES] },
      at: time,
      actor: text,
      data: { type: 'object' },
      prev: nullable(text),
      hash: text,
      leafIndex: nullable(count),
    },
    'A fact in the ledger; docs/evidence.md says what each type holds.',
  ),
  EventPage: pageOf('Event'),
  EvidenceBundle: object(
    {
      checkpoint: text,
      consistency: listOf({ type: 'object' }),
      events: listOf({ type: 'object' }),
      format: text,
      publicKeys: listOf(text),
      stream: id,
    },
    'Canonical JSON (RFC 8785), and `disclosure` unless it was left out; docs/evidence.md describes it.',
  ),
  System: object(
    {
      system: systemName,
      title: text,
      provider: text,
      configured: { type: 'boolean' },
      limits: object({ idsPerCall: count, concurrency: count, callsPerMinute: nullable(count) }),
      pending: count,
      gate: object({
        state: { enum: ['open', 'closed'] },
        reason: nullable(text),
        since: nullable(time),
        until: nullable(time),
      }),
    },
    'A system, its limits, and what holds it back.',
  ),
  SystemPage: pageOf('System'),
  Preview: object(
    {
      dryRun: { const: true },
      subject: object({ ref: text }),
      receivedAt: time,
      dueAt: time,
      items: count,
      calls: count,
      systems: listOf(object({ system: systemName, items: count, calls: count, selectors: listOf(text) })),
      warnings: listOf(object({ code: text, system: systemName })),
    },
    'What would be made; a selector is in words, and one call a pass.',
  ),
  Written: {
    type: 'object',
    properties: { id },
    required: ['id'],
    description: 'The resource as it now is; its id alone for a key without `requests:read`.',
  },
  Liveness: object({
    status: { const: 'ok' },
    eventLoopDelayMs: {
      type: 'integer',
      description: 'How late the event loop ran at worst since this was last asked.',
    },
  }),
  Readiness: object({
    status: { const: 'ready' },
    checks: object({
      database: { enum: ['up', 'down'] },
      migrations: { enum: ['up', 'down'] },
      queue: { enum: ['up', 'degraded'] },
    }),
  }),
  Problem: {
    type: 'object',
    description: 'An error by RFC 9457.',
    properties: {
      type: { ...text, format: 'uri', description: '`urn:expunge:problem:SLUG`; slugs are never renamed.' },
      title: text,
      status: { type: 'integer' },
      detail: text,
      requestId: { ...text, description: 'As in the header X-Request-Id and in the log.' },
      errors: listOf(object({ path: { ...text, description: 'A JSON Pointer into the input.' }, message: text })),
    },
    required: ['type', 'title', 'status', 'detail', 'requestId'],
  },
  ...WAYS_IN_SCHEMAS,
} as const satisfies Record<string, Schema>;

/** A successful answer of a route. */
export function jsonResponse(
  status: number,
  description: string,
  schema: keyof typeof RESOURCE_SCHEMAS,
): ApiResponseOptions {
  return {
    status,
    description,
    content: { 'application/json': { schema: { $ref: `#/components/schemas/${schema}` } } },
  };
}
