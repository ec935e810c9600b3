/** What answers look like, for the API document: JSON Schema 2020-12, as OpenAPI 3.1 uses it. */
import type { ApiResponseOptions } from '@nestjs/swagger';
import { OUTCOMES } from '../core/item.js';
import { NOTIFICATION_EVENTS } from '../core/notification.js';
import { EVENT_TYPES } from '../ledger/append.js';
import { STATUSES } from '../core/request.js';
import { SCOPES } from './caller.js';
import { SCHEMES } from '../core/webhook-signature.js';
import { SYSTEMS } from '../systems/registry.js';

export type Schema = Readonly<Record<string, unknown>>;

export const id = { type: 'string', format: 'uuid' };
export const text = { type: 'string' };
export const count = { type: 'integer', minimum: 0 };
export const time = { type: 'string', format: 'date-time' };
export const systemName = { type: 'string', enum: SYSTEMS.map((system) => system.name) };
export const nullable = (schema: { readonly type: string }): Schema => ({ ...schema, type: [schema.type, 'null'] });
export const listOf = (items: Schema): Schema => ({ type: 'array', items });
const refTo = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
export const counts = (names: readonly string[]): Schema =>
  object(Object.fromEntries(names.map((name) => [name, count])));
const pageOf = (name: string): Schema => object({ data: listOf(refTo(name)), nextCursor: nullable(text) });

/** An object of which every member listed is always there; answers may grow further ones. */
export function object(properties: Readonly<Record<string, Schema>>, description?: string): Schema {
  return {
    type: 'object',
    properties,
    required: Object.keys(properties),
    ...(description === undefined ? {} : { description }),
  };
}

const notificationEvent = { type: 'string', enum: [...NOTIFICATION_EVENTS] };
const endpoint = {
  id,
  url: text,
  events: listOf(notificationEvent),
  createdAt: time,
  disabledAt: { ...nullable(time), description: 'When it answered 410.' },
};
const subject = { oneOf: [object({ ref: text }), { type: 'null' }] };

const API_KEY = {
  id,
  name: text,
  prefix: { ...text, description: 'The first characters of the key, to tell it from others.' },
  scopes: listOf({ type: 'string', enum: [...SCOPES] }),
  createdBy: nullable(text),
  createdAt: time,
  expiresAt: nullable(time),
  lastUsedAt: { ...nullable(time), description: 'To the minute.' },
  revokedAt: nullable(time),
};

const ignored = object({ ignored: { const: true }, reason: { enum: ['event', 'unknown_subject'] } });
const sourceMembers = {
  name: text,
  scheme: { type: 'string', enum: [...SCHEMES] },
  events: listOf(text),
  subjectRef: text,
  targets: { type: ['array', 'null'], items: { type: 'object' }, description: 'Null: the subject directory.' },
  subjectsPerHour: { type: 'integer', minimum: 1 },
  secrets: listOf(object({ createdAt: time })),
  held: { ...count, description: 'Requests of it that wait for a person to let them go.' },
  createdAt: time,
};

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
  NotificationEndpoint: object(endpoint, 'Where notifications go.'),
  NotificationEndpointPage: pageOf('NotificationEndpoint'),
  MadeNotificationEndpoint: object(
    { ...endpoint, secret: { ...text, description: '`whsec_` and base64; it is never shown again.' } },
    'A new endpoint.',
  ),
  NotificationDelivery: object(
    {
      id: { ...id, description: 'The `webhook-id` of every attempt.' },
      event: notificationEvent,
      about: { ...text, description: 'The id of the request, or the name of the system.' },
      status: { enum: ['pending', 'delivered', 'given_up'] },
      attempts: count,
      httpStatus: nullable({ type: 'integer' }),
      failure: {
        enum: ['blocked', 'name', 'connection', 'tls', 'timeout', 'reset', 'status', 'disabled', null],
        description: 'What was wrong with the last attempt.',
      },
      createdAt: time,
      lastAttemptAt: nullable(time),
      nextAttemptAt: nullable(time),
      endedAt: nullable(time),
    },
    'One message to one endpoint, and what became of it.',
  ),
  NotificationDeliveryPage: pageOf('NotificationDelivery'),
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
  ApiKey: object(API_KEY, 'A key, without the key itself.'),
  ApiKeyPage: pageOf('ApiKey'),
  NewApiKey: object({ ...API_KEY, key: { ...text, description: 'Shown this once.' } }),
  DirectoryEntry: object(
    { subject: object({ ref: text }), targets: listOf({ type: 'object' }), replacedAt: time },
    'What is known of a subject, in the words in which it was told.',
  ),
  Liveness: object({
    status: { const: 'ok' },
    eventLoopDelayMs: {
      type: 'integer',
      description: 'How late the event loop ran at worst since this was last asked.',
    },
  }),
  WebhookSource: object(sourceMembers, 'Who may ask for erasures by signed webhooks, and how payloads are read.'),
  WebhookSourceMade: {
    ...object(sourceMembers, 'The source; with its secret where it was made, shown this once.'),
    properties: { ...sourceMembers, secret: text },
  },
  WebhookSourcePage: pageOf('WebhookSource'),
  MadeSecret: {
    type: 'object',
    properties: { secret: text },
    description: 'The secret where it was made, shown this once.',
  },
  Released: object({ released: { ...count, description: 'How many requests were let go.' } }),
  DeliveryAnswer: { oneOf: [object({ id }), ignored] },
  DeliveryPreview: {
    oneOf: [
      {
        ...object({ dryRun: { const: true }, targets: { type: ['array', 'null'], items: { type: 'object' } } }),
        allOf: [refTo('Preview')],
        description: 'What would be made, and the targets as they were read; null where the directory names them.',
      },
      ignored,
    ],
  },
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
