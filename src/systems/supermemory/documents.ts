import { assertIds, assertSent } from '../outgoing.js';
import { defineSystem } from '../system.js';
import type { Provider, System } from '../system.js';
import { classifySupermemory } from './classify.js';

const supermemory: Provider = {
  name: 'supermemory',
  title: 'Supermemory',
  defaultUrl: 'https://api.supermemory.ai',
  credentials: ['SUPERMEMORY_API_KEY'],
  idsPerCallMax: 100,
  concurrencyDefault: 8,
};

/** Documents, by ID or by container tag, one tag a call: `DELETE /v3/documents/bulk`. */
export const supermemoryDocuments: System = defineSystem({
  name: 'supermemory.documents',
  title: 'Supermemory documents',
  provider: supermemory,
  target: {
    description: 'Documents named by their IDs, or all documents of some container tags.',
    fields: [
      { name: 'ids', holds: 'ids', required: false, description: 'The documents to delete; not custom IDs.' },
      {
        name: 'containerTags',
        holds: 'selectors',
        required: false,
        description: 'Container tags whose documents are all to be deleted.',
      },
    ],
    atMostOneOf: [],
    exactlyOneOf: [['ids', 'containerTags']],
  },
  place(_scope, kind) {
    return { group: 'request', scope: null, rank: kind === 'id' ? 0 : 1, within: 'request', warning: null };
  },
  discoveredScope: () => null,
  write(call, credentials) {
    if (Object.keys(call.scope).length > 0) throw new Error('a call for Supermemory documents has no scope');
    // A tag stands alone in its call: the count in the answer then belongs to it.
    assertIds(call, call.selects ? 1 : supermemory.idsPerCallMax);
    const meant = call.selects ? { containerTags: call.ids } : { ids: call.ids };
    const body = JSON.stringify(meant);
    assertSent(body, meant);
    return {
      method: 'DELETE',
      path: '/v3/documents/bulk',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${credentials['SUPERMEMORY_API_KEY'] ?? ''}`,
      },
      body,
    };
  },
  classify: classifySupermemory,
});
