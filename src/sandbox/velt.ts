import { swapCase } from './fault.js';
import { isRecord } from './json.js';
import { noteAnswer } from './ledger.js';
import { errorReply, jsonReply, type ProviderCall, Refusal, type Reply } from './reply.js';

/** The answer for one ID, as it stands in `result.data` or `error.details`. */
export type VeltEntry = Readonly<Record<string, unknown>>;

/** An answer in the making. Entries are pairs, since a faulty answer may name an ID twice. */
export interface VeltAnswer {
  readonly entries: [id: string, entry: VeltEntry][];
  failed: boolean;
}

/** Checks credentials and the `{"data":{…}}` envelope; gives the inside. Throws Refusal. */
export function openVeltEnvelope(call: ProviderCall): Record<string, unknown> {
  checkCredentials(call);
  if (!call.headers['content-type']?.startsWith('application/json')) refuseArgument('Bad Request');
  const { body } = call;
  if (!isRecord(body) || !isRecord(body['data']) || Object.keys(body).length !== 1) refuseArgument('Bad Request');
  return body['data'];
}

/** Whether the call's API key opens an environment that holds nothing. */
export function seesNothing(call: ProviderCall): boolean {
  return call.settings.emptyEnvironmentKeys.has(String(call.headers['x-velt-api-key']));
}

/** Refuses the whole call for bad input. */
export function refuseArgument(message: string): never {
  throw new Refusal(errorReply('velt', 400, message));
}

/** A list of IDs of the call's data, or undefined where it is absent. Throws Refusal for anything else. */
export function readVeltIds(call: ProviderCall, data: Record<string, unknown>, field: string): string[] | undefined {
  const value = data[field];
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) refuseArgument(`${field} must be an array of strings.`);
  if (value.length > call.settings.veltIdsMax) refuseArgument(`${field} must not have so many entries.`);
  return value.map((entry) => {
    if (typeof entry !== 'string' || entry === '') refuseArgument(`${field} must be an array of strings.`);
    return entry;
  });
}

/** A required or optional ID of the call's data. Throws Refusal. */
export function readVeltId(data: Record<string, unknown>, field: string): string | undefined {
  const value = data[field];
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value === '') refuseArgument(`${field} must be a string.`);
  return value;
}

/**
 * Answers for one ID, faults included, and says whether it is to be deleted. `absent` is the entry of an ID that does not
 * exist, and `absentFails` whether the dialect counts it as a failure.
 */
export function answerVeltId(
  call: ProviderCall,
  answer: VeltAnswer,
  id: string,
  exists: boolean,
  words: { readonly innerId: string; readonly absent: VeltEntry; readonly absentFails: boolean },
): boolean {
  const fault = call.plan.item(id);
  const deleted = { success: true, id: words.innerId, message: 'Deleted Successfully' };
  const fail = (word: 'internal' | 'denied' | 'unknown', message: string, code?: string): false => {
    answer.failed = true;
    answer.entries.push([id, { success: false, id, message, ...(code === undefined ? {} : { code }) }]);
    noteAnswer(call.record, word, id);
    return false;
  };
  switch (fault?.name) {
    case 'internal':
      return fail('internal', 'Internal error.', 'internal');
    case 'denied':
      return fail('denied', 'Permission denied.', fault.parameter ?? 'permission-denied');
    case 'unknown-code':
      return fail('unknown', 'Could not be deleted.', fault.parameter ?? 'frozen');
    case 'unknown-text':
      return fail('unknown', fault.parameter ?? 'It is under a spell.');
    case 'omit':
    case 'omit-kept':
      noteAnswer(call.record, 'omitted', id);
      return exists && fault.name === 'omit';
    case 'moved-key':
      answer.entries.push([swapCase(id), deleted]);
      noteAnswer(call.record, 'moved', id);
      return exists;
    case 'wrong-type':
      answer.entries.push([id, { ...deleted, success: 'true' }]);
      noteAnswer(call.record, 'contradicted', id);
      return exists;
    case 'duplicate-keys':
      answer.entries.push([id, { success: false, id, message: 'Internal error.', code: 'internal' }], [id, deleted]);
      noteAnswer(call.record, 'contradicted', id);
      return exists;
    default:
      answer.entries.push([id, exists ? deleted : words.absent]);
      answer.failed ||= !exists && words.absentFails;
      noteAnswer(call.record, exists ? 'deleted' : 'absent', id);
      return exists;
  }
}

/** The success envelope, with the faults of whole answers. */
export function veltResult(call: ProviderCall, answer: VeltAnswer, message: string): Reply {
  const { answer: faults } = call.plan;
  addStranger(call, answer);
  const error = faults.has('error-and-result') ? '"error":{"message":"Internal error.","status":"INTERNAL"},' : '';
  const status = faults.has('success-false') ? 'failure' : 'success';
  const head = `{${error}"result":{"status":"${status}","message":${JSON.stringify(message)},"data":`;
  return jsonReply(200, `${head}${entriesJson(answer)}}}`);
}

/** The failure envelope with an entry for each ID. */
export function veltDetails(call: ProviderCall, answer: VeltAnswer, message: string): Reply {
  addStranger(call, answer);
  const result = call.plan.answer.has('error-and-result') ? ',"result":{"status":"success","data":{}}' : '';
  const head = `{"error":{"status":"INTERNAL","message":${JSON.stringify(message)},"details":`;
  return jsonReply(call.settings.detailsStatus, `${head}${entriesJson(answer)}}${result}}`);
}

/** Velt's own number of a document: 16 digits, always the same for the same text. */
export function innerId(text: string): string {
  let low = 0x811c9dc5;
  let high = 0x01000193;
  for (let index = 0; index < text.length; index += 1) {
    low = Math.imul(low ^ text.charCodeAt(index), 0x01000193);
    high = Math.imul(high ^ low, 0x85ebca6b);
  }
  return `${10_000_000 + ((low >>> 0) % 90_000_000)}${10_000_000 + ((high >>> 0) % 90_000_000)}`;
}

function addStranger(call: ProviderCall, answer: VeltAnswer): void {
  if (!call.plan.answer.has('stranger')) return;
  answer.entries.push(['stranger-1', { success: true, id: '4711471147114711', message: 'Deleted Successfully' }]);
}

function entriesJson(answer: VeltAnswer): string {
  return `{${answer.entries.map(([id, entry]) => `${JSON.stringify(id)}:${JSON.stringify(entry)}`).join(',')}}`;
}

function checkCredentials({ headers, settings }: ProviderCall): void {
  const apiKey = headers['x-velt-api-key'];
  const authToken = headers['x-velt-auth-token'];
  const { apiKey: ownKey, authToken: ownToken } = settings.keys.velt;
  const isKnownKey = apiKey === ownKey || settings.emptyEnvironmentKeys.has(String(apiKey));
  if (isKnownKey && authToken === ownToken) return;
  const isMissing = apiKey === undefined || authToken === undefined;
  const absent = apiKey === undefined ? 'API key not found in headers.' : 'Auth Token not found in headers.';
  switch (settings.authWording) {
    case 'unauthenticated':
      throw new Refusal(errorReply('velt', 401, 'Invalid API key or auth token.'));
    case 'invalid-argument':
      return refuseArgument(isMissing ? absent : 'Auth token not found.');
    case 'documented':
      if (isMissing) refuseArgument(absent);
      throw new Refusal(errorReply('velt', 403, 'Invalid auth token.'));
  }
}
