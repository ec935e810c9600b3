/**
 * Replies of Supermemory's bulk delete. Only failures are named in them; that an ID was deleted follows by subtraction,
 * where the counts agree exactly. Rules: docs/contract-coverage.md, "Supermemory".
 */
import type { Anomaly, Answer, Reading, Remarks } from '../../core/answer.js';
import { isJsonArray, isJsonObject, own, readJsonObject } from '../../core/json.js';
import type { JsonObject, JsonValue } from '../../core/json.js';
import type { Reply, Unreachable } from '../http.js';
import type { Call } from '../system.js';
import {
  isContractStatus,
  isSuccess,
  leftOut,
  NO_REMARKS,
  readForeign,
  readUnreachable,
  readWhole,
  UNCLEAR,
} from '../whole-call.js';
import { fold, kept } from '../words.js';

const ABSENT_TEXTS: ReadonlySet<string> = new Set(['memory not found', 'document not found']);
const DENIED_TEXTS: ReadonlySet<string> = new Set(['permission denied', 'access denied', 'forbidden']);

/** Reads a reply of `DELETE /v3/documents/bulk`. Pure and total. */
export function classifySupermemory(call: Call, reply: Reply | Unreachable): Reading {
  if (reply.kind === 'unreachable') return readUnreachable(reply);
  const json = readJsonObject(reply.body);
  if (!json.ok || isContractStatus(reply.status)) return readForeign(call, reply);
  const hasCount = Object.hasOwn(json.value, 'deletedCount');
  const error = own(json.value, 'error') ?? null;
  if (error !== null) return readError(call, reply, error, own(json.value, 'details'), hasCount);
  const remarks: Remarks = { ...NO_REMARKS, providerCount: countIn(json.value) };
  const errors = readErrors(call, own(json.value, 'errors'));
  if (!isSuccess(reply.status)) {
    // Not a success, so nothing follows by subtraction; what it names by ID still stands.
    const isNaming = !call.selects && errors.named.size > 0;
    return isNaming ? readAsked(call, errors, false, remarks) : readForeign(call, reply);
  }
  return call.selects ? readTag(call, json.value, remarks) : readIds(call, json.value, errors, remarks);
}

function readError(
  call: Call,
  reply: Reply,
  error: JsonValue,
  details: JsonValue | undefined,
  hasCount: boolean,
): Reading {
  const words = [kept(error), kept(details)].filter((text) => text !== null);
  const isOwn = typeof error === 'string';
  const remarks: Remarks = { ...NO_REMARKS, providerStatus: kept(error), providerMessage: words.join(': ') || null };
  if (isSuccess(reply.status)) return leftOut(call, remarks);
  const text = (remarks.providerMessage ?? '').toLowerCase();
  // The body of our DELETE was lost on its way: that says nothing about the IDs in it.
  const isBodyLost = reply.status === 400 && /\bids\b.*\bcontainertags\b/.test(text);
  if (!isBodyLost) return readWhole(call, reply, { status: reply.status, own: isOwn && !hasCount, remarks });
  return {
    ...remarks,
    verdict: 'blocked',
    reason: 'contract',
    retryAfterMs: null,
    effect: isOwn && !hasCount ? 'none' : 'unknown',
  };
}

interface Errors {
  /** By ID asked: what was said of it. */
  readonly named: ReadonlyMap<string, Answer>;
  /** An ID was named that was never sent. */
  readonly hasStranger: boolean;
  /** Absent, or an array in which every element names an ID. */
  readonly isWellFormed: boolean;
}

function readErrors(call: Call, errors: JsonValue | undefined): Errors {
  const asked = new Set(call.ids);
  const named = new Map<string, Answer>();
  let hasStranger = false;
  let isWellFormed = errors === undefined || isJsonArray(errors);
  for (const element of isJsonArray(errors) ? errors : []) {
    const id = isJsonObject(element) ? own(element, 'id') : undefined;
    if (!isJsonObject(element) || typeof id !== 'string') {
      isWellFormed = false;
      continue;
    }
    const answer = byText(own(element, 'error'));
    const before = named.get(id) ?? answer;
    if (!asked.has(id)) hasStranger = true;
    // Two different texts for one ID contradict each other, whatever a third one says.
    else named.set(id, before.text === answer.text ? before : { said: 'unclear', text: null, providerId: null });
  }
  return { named, hasStranger, isWellFormed };
}

function byText(error: JsonValue | undefined): Answer {
  const words = { text: kept(error), providerId: null };
  const folded = typeof error === 'string' ? fold(error) : null;
  if (folded === null) return { ...words, said: 'unclear' };
  if (ABSENT_TEXTS.has(folded)) return { ...words, said: 'absent' };
  if (DENIED_TEXTS.has(folded)) return { ...words, said: 'refused', reason: 'denied' };
  return { ...words, said: 'later' };
}

function readIds(call: Call, body: JsonObject, errors: Errors, remarks: Remarks): Reading {
  const success = own(body, 'success');
  const unnamed = call.ids.length - errors.named.size;
  const isMismatch = remarks.providerCount !== null && remarks.providerCount !== unnamed;
  const tags = own(body, 'containerTags') ?? [];
  const hasTags = !isJsonArray(tags) || tags.length > 0;
  const isReconciled =
    typeof success === 'boolean' &&
    errors.isWellFormed &&
    !errors.hasStranger &&
    !hasTags &&
    remarks.providerCount === unnamed;
  const anomalies: Anomaly[] = [];
  if (errors.hasStranger || hasTags) anomalies.push('stranger');
  // "success: false" beside counts that leave no ID out is a contradiction worth a look, though the counts decide.
  if (isMismatch || (success === false && errors.named.size === 0)) anomalies.push('count_mismatch');
  return readAsked(call, errors, isReconciled, { ...remarks, anomalies });
}

function readAsked(call: Call, errors: Errors, isReconciled: boolean, remarks: Remarks): Reading {
  const rest: Answer = isReconciled
    ? { said: 'erased', evidence: 'reconciled', text: null, providerId: null }
    : UNCLEAR;
  const answers = new Map(call.ids.map((id) => [id, errors.named.get(id) ?? rest]));
  const anomalies = errors.hasStranger && remarks.anomalies.length === 0 ? (['stranger'] as const) : remarks.anomalies;
  return { ...remarks, anomalies, verdict: 'answered', answers, pass: null };
}

function readTag(call: Call, body: JsonObject, remarks: Remarks): Reading {
  const errors = own(body, 'errors') ?? [];
  const tags = own(body, 'containerTags') ?? [];
  const isOther = isJsonArray(tags) && tags.some((tag) => typeof tag === 'string' && !call.ids.includes(tag));
  const isOurs = isJsonArray(tags) && tags.every((tag) => typeof tag === 'string' && call.ids.includes(tag));
  const hasNoErrors = isJsonArray(errors) && errors.length === 0;
  const count = remarks.providerCount;
  const clear = own(body, 'success') === true && count !== null && isOurs && hasNoErrors;
  // A count beside somebody else's tag says nothing of ours.
  const pass = { clear, nothing: clear && count === 0, count: isOurs ? count : null };
  const anomalies: readonly Anomaly[] = isOther ? ['stranger'] : [];
  return { ...remarks, anomalies, verdict: 'answered', answers: new Map(), pass };
}

function countIn(body: JsonObject): number | null {
  const count = own(body, 'deletedCount');
  // Adding 0 makes -0, which JSON can say, a plain 0.
  return typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? count + 0 : null;
}
