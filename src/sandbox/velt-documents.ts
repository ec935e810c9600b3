import type { ProviderCall, Reply } from './reply.js';
import type { VeltDialect } from './settings.js';
import {
  answerVeltId,
  innerId,
  openVeltEnvelope,
  readVeltId,
  readVeltIds,
  refuseArgument,
  seesNothing,
  type VeltAnswer,
  type VeltEntry,
  veltDetails,
  veltResult,
} from './velt.js';

/** `POST /v2/organizations/documents/delete`, in the dialect of the organization. Throws Refusal. */
export function deleteVeltDocuments(call: ProviderCall): Reply {
  const data = openVeltEnvelope(call);
  const organizationId = readVeltId(data, 'organizationId') ?? refuseArgument('organizationId is required.');
  const documentIds = readVeltIds(call, data, 'documentIds') ?? [];
  if (documentIds.length === 0) refuseArgument('documentIds is required.');

  const dialect = dialectOf(call, organizationId);
  const answer: VeltAnswer = { entries: [], failed: false };
  const deleted: string[] = [];
  for (const id of new Set(documentIds)) {
    const exists = !seesNothing(call) && call.data.hasDocument(organizationId, id);
    const inner = innerId(`${organizationId}/${id}`);
    const words = { innerId: inner, absent: absentEntry(dialect, id, inner), absentFails: dialect !== 'seed' };
    if (answerVeltId(call, answer, id, exists, words) && call.commit) deleted.push(id);
  }
  for (const id of deleted) {
    const vanished = call.data.deleteDocument(organizationId, id);
    if (vanished.length === 0) continue;
    const scope = { organizationId, documentId: id };
    call.record.deleted.push({ system: 'velt.comments', scope, ids: vanished, cascade: true });
  }
  if (deleted.length > 0) {
    call.record.deleted.push({ system: 'velt.documents', scope: { organizationId }, ids: deleted, cascade: false });
  }
  return dialect === 'details' && answer.failed
    ? veltDetails(call, answer, 'Error deleting document(s).')
    : veltResult(call, answer, 'Document(s) deleted successfully.');
}

function dialectOf({ record, settings }: ProviderCall, organizationId: string): VeltDialect {
  if (record.path.startsWith('/v1/')) return 'v1';
  return settings.organizationDialects.get(organizationId) ?? settings.dialect;
}

function absentEntry(dialect: VeltDialect, id: string, inner: string): VeltEntry {
  const message = 'Document does not exist';
  if (dialect === 'seed') return { success: true, id: inner, message };
  return { success: false, id, message, code: 'not-found' };
}
