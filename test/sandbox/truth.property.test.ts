import fc from 'fast-check';
import { expect, it } from 'vitest';
import { startSandbox } from '../../src/sandbox/sandbox.js';
import { comments, documents, memories } from './raw-client.js';

const FAULTS = [
  'refuse',
  'error500',
  '504-after',
  'reset-before',
  'reset-after',
  'cut',
  'cut-kept',
  'empty',
  'html',
  '202',
  '429:1',
  'internal',
  'denied',
  'omit',
  'omit-kept',
  'moved-key',
  'wrong-type',
  'duplicate-keys',
  'stranger',
  'count-low',
];
const IDS = ['x1', 'x2', '__proto__', 'constructor', '7', ' ', '../é', 'X1'];
const ids = fc.uniqueArray(fc.constantFrom(...IDS), { minLength: 1 });
const organization = fc.constantFrom('o1', 'o2');
const call = fc.record({
  system: fc.constantFrom('documents', 'comments', 'memories', 'tag'),
  organizationId: organization,
  ids,
  faults: fc.dictionary(fc.constantFrom(...IDS), fc.constantFrom(...FAULTS.map((fault) => `${fault}*1`)), {
    maxKeys: 2,
  }),
});

it('what exists, what was deleted and the ledger agree, whatever goes wrong', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(call, { maxLength: 12 }), async (calls) => {
      const sandbox = await startSandbox({
        organizationDialects: { o2: 'details' },
        seed: {
          veltDocuments: ['o1', 'o2'].map((organizationId) => ({ organizationId, documentIds: IDS })),
          veltAnnotations: ['o1', 'o2'].map((organizationId) => ({
            organizationId,
            documentId: 'x1',
            annotations: IDS.map((annotationId) => ({ annotationId })),
          })),
          supermemoryDocuments: IDS.map((id, index) => ({ id, containerTags: [`t${index % 3}`] })),
        },
      });
      try {
        for (const one of calls) {
          sandbox.faults.add({ ids: one.faults });
          const { organizationId } = one;
          if (one.system === 'documents') await documents(sandbox.url, organizationId, one.ids);
          else if (one.system === 'memories') await memories(sandbox.url, { ids: one.ids });
          else if (one.system === 'tag') await memories(sandbox.url, { containerTags: ['t0'] });
          else await comments(sandbox.url, { organizationId, documentId: 'x1', annotationIds: one.ids });
        }
        const { ledger, data } = sandbox;
        for (const id of IDS) {
          expect(ledger.timesDeleted('supermemory.documents', {}, id)).toBe(
            data.exists('supermemory.documents', {}, id) ? 0 : 1,
          );
          for (const organizationId of ['o1', 'o2']) {
            const scope = { organizationId, documentId: 'x1' };
            const times = ledger.timesDeleted('velt.comments', scope, id);
            expect(times).toBe(data.exists('velt.comments', scope, id) ? 0 : 1);
            const inOrganization = { organizationId };
            const timesDocument = ledger.timesDeleted('velt.documents', inOrganization, id);
            expect(timesDocument).toBe(data.exists('velt.documents', inOrganization, id) ? 0 : 1);
          }
        }
      } finally {
        await sandbox.close();
      }
    }),
    { numRuns: 60 },
  );
});
