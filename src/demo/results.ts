/** The answers of the API, as far as the demo shows them: read strictly, so that a change of the API is seen here. */
import { isJsonArray, isJsonObject, own } from '../core/json.js';
import type { JsonObject, JsonValue } from '../core/json.js';
import { OUTCOMES } from '../core/item.js';
import type { Outcome } from '../core/item.js';
import type { Counts } from './progress.js';

export interface ResultRequest {
  readonly id: string;
  readonly status: string;
  readonly receivedAt: string;
  readonly dueAt: string;
  readonly settledAt: string | null;
  readonly counts: Counts;
  readonly warnings: readonly { readonly code: string; readonly system: string | null }[];
  /** As it came. */
  readonly resource: JsonObject;
}

export interface ResultItem {
  readonly id: string;
  readonly system: string;
  readonly kind: string;
  readonly externalId: string | null;
  readonly scope: JsonObject;
  readonly outcome: Outcome;
  readonly evidence: string | null;
  readonly reason: string | null;
  readonly matched: number | null;
  readonly attempts: number;
  readonly providerId: string | null;
  readonly providerMessage: string | null;
  readonly selectorId: string | null;
  readonly lastAttemptAt: string | null;
  readonly settledAt: string | null;
  /** As it came. */
  readonly resource: JsonObject;
}

export interface ResultAttempt {
  readonly system: string;
  readonly verdict: string;
  /** As it came. */
  readonly resource: JsonObject;
}

/** An answer of the API is not as documented. */
class UnexpectedAnswer extends Error {}

export function readRequest(value: JsonValue): ResultRequest {
  const resource = objectOf(value, 'an erasure request');
  const counts = objectOf(own(resource, 'counts') ?? null, 'counts');
  return {
    id: text(resource, 'id'),
    status: text(resource, 'status'),
    receivedAt: text(resource, 'receivedAt'),
    dueAt: text(resource, 'dueAt'),
    settledAt: textOrNull(resource, 'settledAt'),
    counts: {
      total: whole(counts, 'total'),
      pending: whole(counts, 'pending'),
      erased: whole(counts, 'erased'),
      already_absent: whole(counts, 'already_absent'),
      nothing_matched: whole(counts, 'nothing_matched'),
      unconfirmed: whole(counts, 'unconfirmed'),
      failed: whole(counts, 'failed'),
      cancelled: whole(counts, 'cancelled'),
    },
    warnings: list(resource, 'warnings').map((entry) => {
      const warning = objectOf(entry, 'a warning');
      return { code: text(warning, 'code'), system: textOrNull(warning, 'system') };
    }),
    resource,
  };
}

export function readItem(value: JsonValue): ResultItem {
  const resource = objectOf(value, 'an item');
  const outcome = OUTCOMES.find((known) => known === own(resource, 'outcome'));
  if (outcome === undefined) throw new UnexpectedAnswer('the API names an outcome that nobody knows');
  const matched = own(resource, 'matched');
  return {
    id: text(resource, 'id'),
    system: text(resource, 'system'),
    kind: text(resource, 'kind'),
    externalId: textOrNull(resource, 'externalId'),
    scope: objectOf(own(resource, 'scope') ?? null, 'scope'),
    outcome,
    evidence: textOrNull(resource, 'evidence'),
    reason: textOrNull(resource, 'reason'),
    matched: typeof matched === 'number' ? matched : null,
    attempts: whole(resource, 'attempts'),
    providerId: textOrNull(resource, 'providerId'),
    providerMessage: textOrNull(resource, 'providerMessage'),
    selectorId: textOrNull(resource, 'selectorId'),
    lastAttemptAt: textOrNull(resource, 'lastAttemptAt'),
    settledAt: textOrNull(resource, 'settledAt'),
    resource,
  };
}

export function readAttempt(value: JsonValue): ResultAttempt {
  const resource = objectOf(value, 'an attempt');
  return { system: text(resource, 'system'), verdict: text(resource, 'verdict'), resource };
}

export interface ResultPage {
  readonly data: readonly JsonValue[];
  readonly nextCursor: string | null;
}

export function readPage(value: JsonValue): ResultPage {
  const page = objectOf(value, 'a page');
  return { data: list(page, 'data'), nextCursor: textOrNull(page, 'nextCursor') };
}

function objectOf(value: JsonValue, what: string): JsonObject {
  if (!isJsonObject(value)) throw new UnexpectedAnswer(`the API gave no object for ${what}`);
  return value;
}

function list(object: JsonObject, name: string): readonly JsonValue[] {
  const value = own(object, name);
  if (!isJsonArray(value)) throw new UnexpectedAnswer(`the API gave no list for ${name}`);
  return value;
}

function text(object: JsonObject, name: string): string {
  const value = own(object, name);
  if (typeof value !== 'string') throw new UnexpectedAnswer(`the API gave no text for ${name}`);
  return value;
}

function textOrNull(object: JsonObject, name: string): string | null {
  return own(object, name) === null ? null : text(object, name);
}

function whole(object: JsonObject, name: string): number {
  const value = own(object, name);
  if (typeof value !== 'number') throw new UnexpectedAnswer(`the API gave no number for ${name}`);
  return value;
}
