/**
 * Velt's envelope: `{result: {status, data}}` or `{error: {status, message, details?}}`, and the per-ID map in either.
 * The body wins over the HTTP status, and `error` over `result`. Rules: docs/contract-coverage.md, "Velt envelope".
 */
import type { Anomaly, Answer, Reading, Remarks } from '../../core/answer.js';
import { isJsonArray, isJsonObject, isWellFormed, own, readJsonObject } from '../../core/json.js';
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
} from '../whole-call.js';
import { kept, says } from '../words.js';
import { isEntry, readEntry } from './entry.js';

/** The HTTP status that each error status stands for (google/rpc/code.proto). */
const HTTP_STATUS_OF: ReadonlyMap<string, number> = new Map([
  ['INVALID_ARGUMENT', 400],
  ['FAILED_PRECONDITION', 400],
  ['OUT_OF_RANGE', 400],
  ['UNAUTHENTICATED', 401],
  ['PERMISSION_DENIED', 403],
  ['NOT_FOUND', 404],
  ['ALREADY_EXISTS', 409],
  ['ABORTED', 409],
  ['RESOURCE_EXHAUSTED', 429],
  ['CANCELLED', 499],
  ['INTERNAL', 500],
  ['UNKNOWN', 500],
  ['DATA_LOSS', 500],
  ['UNIMPLEMENTED', 501],
  ['UNAVAILABLE', 503],
  ['DEADLINE_EXCEEDED', 504],
]);

/** HTTP statuses that hold whatever error status the body names beside them: none of those says "too large". */
const OUTRANKING_STATUSES: ReadonlySet<number> = new Set([401, 402, 403, 413, 429]);

/** Keys that Velt reserves in its maps (`__velt_denied:0`): never an ID. */
const RESERVED_KEY = /^__velt_/;
const ID_LENGTH_MAX = 1024;

/** Reads a reply of one of Velt's delete endpoints; `absentTexts` as in `readEntry`. Pure and total. */
export function classifyVelt(call: Call, reply: Reply | Unreachable, absentTexts: ReadonlySet<string>): Reading {
  if (reply.kind === 'unreachable') return readUnreachable(reply);
  const json = readJsonObject(reply.body);
  if (!json.ok || isContractStatus(reply.status)) return readForeign(call, reply);
  const error = own(json.value, 'error') ?? null;
  const result = own(json.value, 'result') ?? null;
  if (error !== null) return readError(call, reply, error, result !== null, absentTexts);
  const remarks: Remarks = isJsonObject(result) ? { ...NO_REMARKS, ...spoken(result) } : NO_REMARKS;
  const data = isJsonObject(result) ? own(result, 'data') : undefined;
  if (!isJsonObject(data)) return isSuccess(reply.status) ? leftOut(call, remarks) : readForeign(call, reply);
  const isFine = isSuccess(reply.status) && (remarks.providerStatus === null || remarks.providerStatus === 'success');
  if (!call.selects) return readAsked(call, data, strangersIn(call, Object.keys(data)), remarks, absentTexts);
  return readRevealed(data, isFine, remarks, absentTexts);
}

function readError(
  call: Call,
  reply: Reply,
  error: JsonValue,
  hasResult: boolean,
  absentTexts: ReadonlySet<string>,
): Reading {
  if (!isJsonObject(error)) return isSuccess(reply.status) ? leftOut(call, NO_REMARKS) : readForeign(call, reply);
  const remarks: Remarks = { ...NO_REMARKS, ...spoken(error) };
  const details = own(error, 'details');
  if (isJsonArray(details) && details.some(isEntry)) {
    if (call.selects) return leftOut(call, remarks);
    return readAsked(call, byInnerId(details), [], remarks, absentTexts);
  }
  if (isJsonObject(details) && Object.values(details).some(isEntry)) {
    if (call.selects) return readRevealed(details, !hasResult, remarks, absentTexts);
    const named = Object.keys(details).filter((key) => isEntry(own(details, key)));
    return readAsked(call, details, strangersIn(call, named), remarks, absentTexts);
  }
  const isOwn = remarks.providerStatus !== null || remarks.providerMessage !== null;
  const named = HTTP_STATUS_OF.get((remarks.providerStatus ?? '').toUpperCase().replaceAll('-', '_'));
  const status = OUTRANKING_STATUSES.has(reply.status) ? reply.status : (named ?? reply.status);
  if (isSuccess(status)) return leftOut(call, remarks);
  const isFeatureOff = says(/advanced queries are not enabled/, remarks.providerMessage, call);
  const reading = readWhole(call, reply, { status: isFeatureOff ? 501 : status, own: isOwn && !hasResult, remarks });
  // A body that tells a failure and a result at once proves nothing about any ID.
  return hasResult && reading.verdict !== 'blocked' ? leftOut(call, remarks) : reading;
}

/** The envelope's own words: `status`, or the `code` that one endpoint family sends instead, and `message`. */
function spoken(envelope: JsonObject): Pick<Remarks, 'providerStatus' | 'providerMessage'> {
  const providerStatus = kept(own(envelope, 'status')) ?? kept(own(envelope, 'code'));
  return { providerStatus, providerMessage: kept(own(envelope, 'message')) };
}

/** An array of entries as a map by their inner `id`, never by position; an ID that stands twice is unreadable. */
function byInnerId(entries: readonly JsonValue[]): JsonObject {
  const map = new Map<string, JsonValue>();
  for (const entry of entries) {
    const id = isJsonObject(entry) ? own(entry, 'id') : undefined;
    if (typeof id === 'string') map.set(id, map.has(id) ? null : entry);
  }
  return Object.fromEntries(map);
}

function strangersIn(call: Call, keys: readonly string[]): readonly Anomaly[] {
  const asked = new Set(call.ids);
  return keys.every((key) => asked.has(key)) ? [] : ['stranger'];
}

function readAsked(
  call: Call,
  map: JsonObject,
  anomalies: readonly Anomaly[],
  remarks: Remarks,
  absentTexts: ReadonlySet<string>,
): Reading {
  const answers = new Map(call.ids.map((id) => [id, readEntry(own(map, id), absentTexts)]));
  return { ...remarks, anomalies, verdict: 'answered', answers, pass: null };
}

/** What a selector revealed. `isFine`: the envelope left no doubt that the call succeeded. */
function readRevealed(map: JsonObject, isFine: boolean, remarks: Remarks, absentTexts: ReadonlySet<string>): Reading {
  const keys = Object.keys(map);
  const ids = keys.filter(isId);
  const answers = new Map<string, Answer>(ids.map((id) => [id, readEntry(own(map, id), absentTexts)]));
  const isReadable = ids.length === keys.length && [...answers.values()].every((answer) => answer.said !== 'unclear');
  const pass = { clear: isFine && isReadable, nothing: isFine && keys.length === 0, count: null };
  return { ...remarks, verdict: 'answered', answers, pass };
}

function isId(key: string): boolean {
  const isStorable = key.length >= 1 && key.length <= ID_LENGTH_MAX && !key.includes('\0') && isWellFormed(key);
  return isStorable && !RESERVED_KEY.test(key);
}
