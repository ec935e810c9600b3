import { swapCase } from './fault.js';
import { isRecord } from './json.js';
import { noteAnswer } from './ledger.js';
import { jsonReply, type ProviderCall, Refusal, type Reply } from './reply.js';

const IDS_MAX = 100;

/** An answer in the making. */
interface Tally {
  success: boolean;
  readonly deleted: Set<string>;
  /** Deleted and not counted. */
  uncounted: number;
  readonly errors: { id: string; error: string }[];
  readonly tags: string[];
  hasWrongTypes: boolean;
  hasDuplicateKeys: boolean;
}

/** `DELETE /v3/documents/bulk`, by IDs or by container tags. Throws Refusal. */
export function deleteSupermemoryDocuments(call: ProviderCall): Reply {
  checkKey(call);
  const { ids, containerTags } = readSelection(call.body);
  const tally: Tally = {
    success: true,
    deleted: new Set(),
    uncounted: 0,
    errors: [],
    tags: [],
    hasWrongTypes: false,
    hasDuplicateKeys: false,
  };
  for (const id of new Set(ids)) deleteById(call, tally, id);
  for (const tag of new Set(containerTags)) deleteByTag(call, tally, tag);
  const deleted = [...tally.deleted];
  if (call.commit && deleted.length > 0) {
    for (const id of deleted) call.data.deleteMemory(id);
    call.record.deleted.push({ system: 'supermemory.documents', scope: {}, ids: deleted, cascade: false });
  }
  return reply(call, tally, containerTags !== undefined);
}

function deleteById(call: ProviderCall, tally: Tally, id: string): void {
  const exists = !seesNothing(call) && call.data.exists('supermemory.documents', {}, id);
  const fault = call.plan.item(id);
  switch (fault?.name) {
    case 'internal':
      return refuseId(call, tally, id, 'internal', 'Internal server error');
    case 'denied':
      return refuseId(call, tally, id, 'denied', fault.parameter ?? 'Permission denied');
    case 'unknown-code':
    case 'unknown-text':
      return refuseId(call, tally, id, 'unknown', fault.parameter ?? 'It is under a spell');
    case 'omit-kept':
      return noteAnswer(call.record, 'omitted', id);
    case 'moved-key':
      tally.errors.push({ id: swapCase(id), error: 'Memory not found' });
      return noteAnswer(call.record, 'moved', id);
    default:
  }
  if (!exists) return refuseId(call, tally, id, 'absent', 'Memory not found');
  tally.deleted.add(id);
  tally.uncounted += fault?.name === 'omit' ? 1 : 0;
  tally.hasWrongTypes ||= fault?.name === 'wrong-type';
  tally.hasDuplicateKeys ||= fault?.name === 'duplicate-keys';
  noteAnswer(call.record, fault === null ? 'deleted' : fault.name === 'omit' ? 'omitted' : 'contradicted', id);
}

function refuseId(
  call: ProviderCall,
  tally: Tally,
  id: string,
  word: 'absent' | 'internal' | 'denied' | 'unknown',
  error: string,
): void {
  tally.errors.push({ id, error });
  noteAnswer(call.record, word, id);
}

/** A tag has no errors of its own: one that fails is not among the processed tags, and `success` is false. */
function deleteByTag(call: ProviderCall, tally: Tally, tag: string): void {
  const fault = call.plan.item(tag);
  switch (fault?.name) {
    case 'internal':
    case 'denied':
    case 'unknown-code':
    case 'unknown-text':
      tally.success = false;
      return noteAnswer(call.record, 'unknown', tag);
    case 'omit-kept':
      return noteAnswer(call.record, 'omitted', tag);
    default:
  }
  const found = seesNothing(call) ? [] : call.data.memoriesTagged(tag);
  for (const id of found) tally.deleted.add(id);
  tally.hasWrongTypes ||= fault?.name === 'wrong-type';
  tally.hasDuplicateKeys ||= fault?.name === 'duplicate-keys';
  if (fault?.name !== 'omit') tally.tags.push(fault?.name === 'moved-key' ? swapCase(tag) : tag);
  noteAnswer(call.record, fault?.name === 'omit' ? 'omitted' : found.length > 0 ? 'deleted' : 'absent', tag);
}

function reply(call: ProviderCall, tally: Tally, isByTag: boolean): Reply {
  const { answer: faults } = call.plan;
  if (faults.has('stranger') && isByTag) tally.tags.push('stranger-1');
  else if (faults.has('stranger')) tally.errors.push({ id: 'stranger-1', error: 'Memory not found' });
  const bend = (faults.has('count-high') ? 1 : 0) - (faults.has('count-low') ? 1 : 0);
  const count = tally.deleted.size - tally.uncounted + bend;
  const success = tally.success && !faults.has('success-false');
  const body = JSON.stringify({
    success: tally.hasWrongTypes ? String(success) : success,
    deletedCount: tally.hasWrongTypes ? String(count) : count,
    ...(tally.errors.length > 0 ? { errors: tally.errors } : {}),
    ...(isByTag ? { containerTags: tally.tags } : {}),
    ...(faults.has('error-and-result') ? { error: 'Internal Server Error' } : {}),
  });
  return jsonReply(200, tally.hasDuplicateKeys ? `{"deletedCount":${count + 1},${body.slice(1)}` : body);
}

function readSelection(body: unknown): { ids?: string[]; containerTags?: string[] } {
  if (!isRecord(body)) return refuse('The body must be a JSON object.');
  const ids = body['ids'];
  const containerTags = body['containerTags'];
  if (ids === undefined && containerTags === undefined) return refuse('Either ids or containerTags must be provided.');
  if (ids !== undefined && containerTags !== undefined) return refuse('Give ids or containerTags, not both.');
  if (ids !== undefined) return { ids: readTexts(ids, 'ids', IDS_MAX) };
  return { containerTags: readTexts(containerTags, 'containerTags', Number.POSITIVE_INFINITY) };
}

function readTexts(value: unknown, field: string, max: number): string[] {
  if (!Array.isArray(value)) return refuse(`${field} must be an array.`);
  if (value.length === 0) return refuse(`${field} must not be empty.`);
  if (value.length > max) return refuse(`${field} must have at most ${max} entries.`);
  return value.map((entry) =>
    typeof entry === 'string' && entry !== '' ? entry : refuse(`${field} must be strings.`),
  );
}

function refuse(details: string): never {
  throw new Refusal(jsonReply(400, JSON.stringify({ error: 'Invalid request', details })));
}

function keyOf({ headers }: ProviderCall): string {
  return headers.authorization?.match(/^Bearer (.+)$/u)?.[1] ?? '';
}

function seesNothing(call: ProviderCall): boolean {
  return call.settings.emptyEnvironmentKeys.has(keyOf(call));
}

function checkKey(call: ProviderCall): void {
  if (keyOf(call) === call.settings.keys.supermemory.apiKey || seesNothing(call)) return;
  const body = { error: 'Unauthorized', details: 'Either userId or orgId not found' };
  throw new Refusal(jsonReply(401, JSON.stringify(body)));
}
