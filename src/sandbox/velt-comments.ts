import type { ProviderCall, Reply } from './reply.js';
import {
  answerVeltId,
  openVeltEnvelope,
  readVeltId,
  readVeltIds,
  refuseArgument,
  seesNothing,
  type VeltAnswer,
  veltResult,
} from './velt.js';

const FIELDS = ['organizationId', 'documentId', 'locationIds', 'annotationIds', 'userIds'];

/**
 * `POST /v1/commentannotations/delete` in its twelve documented shapes. A filter that is empty, or is misspelt, is no
 * filter: the call then means the whole document, and its record says `widened`. Throws Refusal.
 */
export function deleteVeltComments(call: ProviderCall): Reply {
  const data = openVeltEnvelope(call);
  const organizationId = readVeltId(data, 'organizationId');
  const documentId = readVeltId(data, 'documentId') ?? refuseArgument('documentId is required.');
  const filter = (field: string): string[] | undefined => {
    const ids = readVeltIds(call, data, field);
    if (ids?.length !== 0) return ids;
    call.record.widened = true;
    return undefined;
  };
  const locationIds = filter('locationIds');
  const annotationIds = filter('annotationIds');
  const userIds = filter('userIds');
  if (annotationIds !== undefined && userIds !== undefined) {
    refuseArgument('annotationIds and userIds must not both be given.');
  }
  if (Object.keys(data).some((field) => !FIELDS.includes(field))) call.record.widened = true;

  const answer: VeltAnswer = { entries: [], failed: false };
  const isEmpty = seesNothing(call);
  const matched = isEmpty ? [] : call.data.matchingAnnotations(organizationId, documentId, { locationIds, userIds });
  const deleted: string[] = [];
  for (const id of new Set(annotationIds ?? matched)) {
    const exists = !isEmpty && call.data.hasAnnotation(organizationId, documentId, id, locationIds);
    const absent = { success: false, id, message: 'Annotation not found.' };
    const words = { innerId: id, absent, absentFails: false };
    if (answerVeltId(call, answer, id, exists, words) && call.commit) deleted.push(id);
  }
  for (const id of deleted) call.data.deleteAnnotation(organizationId, documentId, id);
  if (deleted.length > 0) {
    const scope = { organizationId, documentId };
    call.record.deleted.push({ system: 'velt.comments', scope, ids: deleted, cascade: false });
  }
  return veltResult(call, answer, 'Annotations deleted successfully.');
}
