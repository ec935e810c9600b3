/** What reports look like, for the API document. */
import { OUTCOMES } from '../core/item.js';
import { STATUSES } from '../core/request.js';
import { count, counts, id, listOf, nullable, object, systemName, text, time } from './schema.js';
import type { Schema } from './schema.js';

const subject = { oneOf: [object({ ref: text }), { type: 'null' }] };
const flag = { type: 'boolean' };
const number = { type: 'number', minimum: 0 };
const rate = { type: 'number', minimum: 0, maximum: 1 };

const reportItem = object({
  id,
  system: systemName,
  kind: { enum: ['id', 'selector', 'discovered'] },
  externalId: nullable(text),
  scope: { type: ['object', 'null'] },
  outcome: { enum: [...OUTCOMES] },
  evidence: { enum: ['provider', 'reconciled', 'repeat', null] },
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
});

const reportAttempt = object({
  id,
  system: systemName,
  startedAt: time,
  endedAt: nullable(time),
  verdict: { enum: ['answered', 'refused', 'unclear', 'blocked', 'interrupted', null] },
  httpStatus: nullable({ type: 'integer' }),
  providerCount: nullable(count),
  responseSha256: nullable(text),
  ids: count,
  items: count,
  late: flag,
});

const reportSystem = object({
  system: systemName,
  title: text,
  items: count,
  kinds: counts(['id', 'selector', 'discovered']),
  outcomes: counts(OUTCOMES),
  resolvedByHand: count,
  calls: count,
  callsByVerdict: { type: 'object', additionalProperties: count },
  firstCallAt: nullable(time),
  lastCallAt: nullable(time),
});

export const REPORT_SCHEMAS = {
  Report: object(
    {
      format: { const: 'expunge-request-report/1' },
      issuedAt: time,
      interim: { ...flag, description: 'Something is pending: what stands here can still change.' },
      conclusion: { ...listOf(text), description: 'What it comes to, in sentences.' },
      request: object({
        id,
        status: { type: 'string', enum: [...STATUSES] },
        subject,
        source: text,
        actor: text,
        receivedAt: time,
        createdAt: time,
        settledAt: nullable(time),
        shreddedAt: nullable(time),
      }),
      deadline: object({
        dueAt: time,
        rule: text,
        overdue: flag,
        inTime: { type: ['boolean', 'null'], description: 'Settled by its due date; null while that is open.' },
        daysUsed: { ...count, description: 'Calendar days in UTC, the day of receipt not counted.' },
        daysLeft: { type: ['integer', 'null'] },
      }),
      counts: counts(['total', ...OUTCOMES, 'resolvedByHand']),
      systems: listOf(reportSystem),
      warnings: listOf(object({ code: text, system: text, at: time, meaning: text })),
      blockedBy: listOf(object({ system: systemName, reason: text, since: time })),
      limits: { ...listOf(text), description: 'What the report does not attest.' },
      integrity: object({
        treeSize: nullable(count),
        root: nullable(text),
        checkpoint: nullable(text),
        keyId: nullable(text),
        verify: text,
      }),
      exceptions: { ...listOf(reportItem), description: 'The items that a person closed.' },
      items: listOf(reportItem),
      attempts: listOf(reportAttempt),
      end: object({
        exceptions: count,
        items: count,
        attempts: count,
        changedMeanwhile: { ...flag, description: 'The request changed while the report was written: ask again.' },
      }),
    },
    'The audit report of one request. Personal values are null once shredded.',
  ),
  Summary: object(
    {
      from: nullable(time),
      to: time,
      issuedAt: time,
      requests: object({
        total: count,
        byStatus: counts(STATUSES),
        bySource: listOf(object({ source: text, requests: count })),
        overdue: { ...count, description: 'Unsettled after their due date.' },
        settledLate: { ...count, description: 'Settled after their due date.' },
      }),
      daysToSettle: object(
        { requests: count, median: nullable(number), p95: nullable(number), longest: nullable(number) },
        'Days of 24 hours from receipt until nothing was pending, of requests that were not cancelled.',
      ),
      systems: listOf(
        object({
          system: systemName,
          items: count,
          outcomes: counts(OUTCOMES),
          rates: object(Object.fromEntries(OUTCOMES.map((outcome) => [outcome, rate]))),
        }),
      ),
    },
    'What came of the requests received in a period.',
  ),
} as const satisfies Record<string, Schema>;
