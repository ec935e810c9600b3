import { defineSystem } from '../system.js';
import type { Call, System } from '../system.js';
import { assertIds, assertSent } from '../outgoing.js';
import { classifyVelt } from './envelope.js';
import { velt, veltCall } from './velt.js';

const ABSENT_TEXTS: ReadonlySet<string> = new Set(['document does not exist']);

/** Documents of an organization: `POST /v2/organizations/documents/delete`. */
export const veltDocuments: System = defineSystem({
  name: 'velt.documents',
  title: 'Velt documents',
  provider: velt,
  target: {
    description: 'Whole documents of one organization, with everything in them.',
    fields: [
      { name: 'organizationId', holds: 'string', required: true, description: 'The organization of the documents.' },
      { name: 'documentIds', holds: 'ids', required: true, description: 'The documents to delete.' },
    ],
    atMostOneOf: [],
    exactlyOneOf: [],
  },
  place(scope, _kind, id) {
    if (id === null) return null;
    const organizationId = scope['organizationId'];
    return {
      group: id,
      scope: typeof organizationId === 'string' ? organizationId : null,
      rank: 2,
      within: 'everywhere',
      // With its document gone, what was left of its comments can no longer be asked for.
      warning: 'document_before_comments',
    };
  },
  discoveredScope: () => null,
  write(call, credentials) {
    assertIds(call, velt.idsPerCallMax);
    const data = { organizationId: organizationOf(call), documentIds: call.ids };
    const written = veltCall('/v2/organizations/documents/delete', data, credentials);
    assertSent(written.body, { data });
    return written;
  },
  classify: (call, reply) => classifyVelt(call, reply, ABSENT_TEXTS),
});

function organizationOf(call: Call): string {
  const { organizationId, ...others } = call.scope;
  if (call.selects || Object.keys(others).length > 0 || typeof organizationId !== 'string' || organizationId === '') {
    throw new Error('a call for documents names an organization and IDs, and nothing else');
  }
  return organizationId;
}
