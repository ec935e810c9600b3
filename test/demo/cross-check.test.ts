import { describe, expect, it } from 'vitest';
import { crossCheck } from '../../src/demo/cross-check.js';
import type { SandboxSeed } from '../../src/sandbox/seed.js';
import { exampleItem } from './example-results.js';

const HELD: SandboxSeed = {
  veltDocuments: [{ organizationId: 'acme', documentIds: ['d1'] }],
  veltAnnotations: [{ documentId: 'd2', annotations: [{ annotationId: 'a1' }, { annotationId: 'a2' }] }],
  supermemoryDocuments: [{ id: 'm1' }, { id: 'm2', containerTags: ['user_42'] }],
};
const document = (documentId: string) =>
  exampleItem({ system: 'velt.documents', scope: { organizationId: 'acme' }, externalId: documentId });

describe('the cross-check', () => {
  it('agrees where exactly what was said to be erased is gone', () => {
    const left: SandboxSeed = { veltAnnotations: [{ documentId: 'd2', annotations: [{ annotationId: 'a2' }] }] };
    const annotation = exampleItem({ system: 'velt.comments', scope: { documentId: 'd2' }, externalId: 'a1' });
    const tag = exampleItem({ kind: 'selector', externalId: 'user_42' });
    const items = [document('d1'), annotation, exampleItem({ externalId: 'm1' }), tag];
    expect(crossCheck(HELD, left, items)).toEqual({ gone: 4, kept: 2, wrong: 0 });
  });

  it('sees what is there in spite of an outcome, and what is gone without one', () => {
    const left: SandboxSeed = { ...HELD, supermemoryDocuments: [{ id: 'm1' }] };
    expect(crossCheck(HELD, left, [exampleItem({ externalId: 'm1' })])).toEqual({ gone: 1, kept: 5, wrong: 2 });
  });

  it('takes a refused ID at its word', () => {
    const refused = exampleItem({ externalId: 'm1', outcome: 'failed', evidence: null, reason: 'denied' });
    expect(crossCheck(HELD, HELD, [refused]).wrong).toBe(0);
    expect(crossCheck(HELD, { ...HELD, supermemoryDocuments: [] }, [refused]).wrong).toBe(2);
  });

  it('lets a document take its annotations with it', () => {
    const whole = exampleItem({ system: 'velt.documents', scope: {}, externalId: 'd2' });
    expect(crossCheck(HELD, { ...HELD, veltAnnotations: [] }, [whole])).toEqual({ gone: 3, kept: 3, wrong: 0 });
  });
});
