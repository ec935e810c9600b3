/** What keys, the directory, webhook sources and notification endpoints look like, for the API document. */
import { NOTIFICATION_EVENTS } from '../core/notification.js';
import { SCHEMES } from '../core/webhook-signature.js';
import { SCOPES } from './caller.js';
import { count, id, listOf, nullable, object, pageOf, refTo, text, time } from './schema.js';
import type { Schema } from './schema.js';

const notificationEvent = { type: 'string', enum: [...NOTIFICATION_EVENTS] };
const endpoint = {
  id,
  url: text,
  events: listOf(notificationEvent),
  createdAt: time,
  disabledAt: { ...nullable(time), description: 'When it answered 410.' },
};

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

export const WAYS_IN_SCHEMAS = {
  NotificationEndpoint: object(endpoint, 'Where notifications go.'),
  MadeNotificationEndpoint: object(
    { ...endpoint, secret: { ...text, description: '`whsec_` and base64; it is never shown again.' } },
    'A new endpoint.',
  ),
  NotificationEndpointPage: pageOf('NotificationEndpoint'),
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
  ApiKey: object(API_KEY, 'A key, without the key itself.'),
  ApiKeyPage: pageOf('ApiKey'),
  NewApiKey: object({ ...API_KEY, key: { ...text, description: 'Shown this once.' } }),
  DirectoryEntry: object(
    { subject: object({ ref: text }), targets: listOf({ type: 'object' }), replacedAt: time },
    'What is known of a subject, in the words in which it was told.',
  ),
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
} as const satisfies Record<string, Schema>;
