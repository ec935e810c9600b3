import { defineSystem } from '../system.js';
import type { Call, Scope, System } from '../system.js';
import { assertIds, assertList, assertSent } from '../outgoing.js';
import { classifyVelt } from './envelope.js';
import { velt, veltCall } from './velt.js';

const ABSENT_TEXTS: ReadonlySet<string> = new Set(['annotation not found']);

const SCOPE_FIELDS: ReadonlySet<string> = new Set(['organizationId', 'documentId', 'locationIds', 'userIds']);

/**
 * Comment annotations of a document: `POST /v1/commentannotations/delete`. With no filter the endpoint deletes every
 * annotation of the document, so an empty or lost filter would widen the deletion: `write` refuses to send one.
 */
export const veltComments: System = defineSystem({
  name: 'velt.comments',
  title: 'Velt comments',
  provider: velt,
  target: {
    description:
      'Comment annotations of one document: those named, those of some users, those at some locations, or all of them.',
    fields: [
      {
        name: 'organizationId',
        holds: 'string',
        required: false,
        description: 'The organization of the document; left out for a document that was made without one.',
      },
      { name: 'documentId', holds: 'string', required: true, description: 'The document of the annotations.' },
      { name: 'locationIds', holds: 'filter', required: false, description: 'Only annotations at these locations.' },
      { name: 'annotationIds', holds: 'ids', required: false, description: 'The annotations to delete.' },
      { name: 'userIds', holds: 'filter', required: false, description: 'All annotations of these users.' },
    ],
    atMostOneOf: [['annotationIds', 'userIds']],
    exactlyOneOf: [],
  },
  place(scope, kind) {
    const { documentId, organizationId } = scope;
    if (typeof documentId !== 'string') return null;
    return {
      group: documentId,
      scope: typeof organizationId === 'string' ? organizationId : null,
      rank: kind === 'id' ? 0 : 1,
      within: 'everywhere',
      warning: null,
    };
  },
  discoveredScope({ documentId, organizationId }) {
    if (typeof documentId !== 'string') return null;
    return typeof organizationId === 'string' ? { organizationId, documentId } : { documentId };
  },
  write(call, credentials) {
    const data = dataOf(call);
    const written = veltCall('/v1/commentannotations/delete', data, credentials);
    assertSent(written.body, { data });
    return written;
  },
  classify: (call, reply) => classifyVelt(call, reply, ABSENT_TEXTS),
});

/** The call as one of the twelve documented shapes; throws for any other. */
function dataOf(call: Call): Record<string, string | readonly string[]> {
  const { organizationId, documentId, locationIds, userIds } = call.scope;
  const data: Record<string, string | readonly string[]> = {};
  if (Object.keys(call.scope).some((field) => !SCOPE_FIELDS.has(field))) {
    throw new Error('a call for comments has a scope field that no documented shape has');
  }
  if (Object.hasOwn(call.scope, 'organizationId')) data['organizationId'] = nameOf(organizationId);
  data['documentId'] = nameOf(documentId);
  if (Object.hasOwn(call.scope, 'locationIds')) data['locationIds'] = assertList(locationIds);
  if (Object.hasOwn(call.scope, 'userIds')) data['userIds'] = assertList(userIds);
  if (call.selects && call.ids.length > 0) throw new Error('a selector call for comments names no IDs');
  if (call.selects) return data;
  assertIds(call, velt.idsPerCallMax);
  if (Object.hasOwn(data, 'userIds')) throw new Error('no documented shape has annotation IDs and user IDs');
  return { ...data, annotationIds: call.ids };
}

function nameOf(value: Scope[string] | undefined): string {
  if (typeof value !== 'string' || value === '')
    throw new Error('a call for comments names a document, and an organization if any, by one ID each');
  return value;
}
