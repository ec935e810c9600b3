import type { ItemResource } from '../../src/store/read-items.js';

/** What exists at the providers, more than is asked for. */
export const MAIN_JOB_SEED = {
  veltDocuments: [{ organizationId: 'org1', documentIds: ['d1', 'd2'] }],
  veltAnnotations: [
    {
      organizationId: 'org1',
      documentId: 'd3',
      annotations: [{ annotationId: 'a1' }, { annotationId: 'a2', locationId: 'l1' }, { annotationId: 'kept' }],
    },
    {
      documentId: 'd9',
      annotations: [
        { annotationId: 'b1', locationId: 'l1', userId: 'u1' },
        { annotationId: 'b2', locationId: 'l2', userId: 'u1' },
        { annotationId: 'b3', locationId: 'l1', userId: 'u2' },
      ],
    },
    { organizationId: 'org2', documentId: 'd9', annotations: [{ annotationId: 'c1' }, { annotationId: 'c2' }] },
  ],
  supermemoryDocuments: [
    { id: 'm1' },
    { id: 'm2' },
    { id: 't1', containerTags: ['user_42'] },
    { id: 't2', containerTags: ['user_42', 'other'] },
    { id: 't3', containerTags: ['other'] },
  ],
};

/** All three systems, five of the twelve shapes of comments, a tag, absent IDs, one ID twice, one that is refused. */
export const MAIN_JOB_TARGETS = [
  { system: 'velt.documents', organizationId: 'org1', documentIds: ['d1', 'd2', 'nowhere', 'd1'] },
  { system: 'velt.comments', organizationId: 'org1', documentId: 'd3', annotationIds: ['a1', 'missing'] },
  { system: 'velt.comments', organizationId: 'org1', documentId: 'd3', locationIds: ['l1'], annotationIds: ['a2'] },
  { system: 'velt.comments', documentId: 'd9', locationIds: ['l1'], userIds: ['u1'] },
  { system: 'velt.comments', organizationId: 'org2', documentId: 'd9' },
  { system: 'velt.comments', documentId: 'd8', userIds: ['u1', 'u7'] },
  { system: 'supermemory.documents', ids: ['m1', 'm2', 'm9', 'poor~fault:denied~'] },
  { system: 'supermemory.documents', containerTags: ['user_42'] },
];

/** What no two runs have in common. */
const OF_ONE_RUN = new Set(['id', 'selectorId', 'lastAttemptAt', 'settledAt']);

/** An item without that, to be compared as a whole. */
export function facts(item: ItemResource): object {
  return Object.fromEntries(Object.entries(item).filter(([field]) => !OF_ONE_RUN.has(field)));
}

const UNRESOLVED = { resolution: null, resolutionReason: null, resolvedBy: null, resolvedAt: null };
/** What every item that a provider called deleted has in common. */
export const ERASED = { outcome: 'erased', evidence: 'provider', reason: null, matched: null, ...UNRESOLVED };
export const ABSENT = { ...ERASED, outcome: 'already_absent' };
export const VELT_SAYS = 'Deleted Successfully';
