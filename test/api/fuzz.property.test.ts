import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, SUBMIT } from './test-api.js';
import type { TestApi } from './test-api.js';

let api: TestApi;
beforeAll(async () => {
  api = await startApi({ unconfigured: ['velt.comments'] });
});
afterAll(() => api.close());

/** Mostly what belongs there, now and then anything that JSON can say. */
const or = <T>(fitting: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 6, arbitrary: fitting }, { weight: 1, arbitrary: fc.jsonValue() });

const name = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom('__proto__', 'constructor', '..', 'a\0', ''),
);
const names = or(fc.array(or(name), { maxLength: 4 }));
const target = fc.record(
  {
    system: or(fc.constantFrom('velt.documents', 'velt.comments', 'supermemory.documents')),
    organizationId: or(name),
    documentIds: names,
    documentId: or(name),
    annotationIds: names,
    ids: names,
    containerTags: names,
  },
  { requiredKeys: ['system'] },
);
const body = fc.record(
  {
    subject: or(fc.record({ ref: or(name) })),
    receivedAt: or(fc.constantFrom('2026-01-31T00:00:00Z', '2026-02-30T00:00:00Z')),
    note: or(name),
    targets: or(fc.array(or(target), { maxLength: 3 })),
  },
  { requiredKeys: ['subject', 'targets'] },
);

describe('any body', () => {
  it('is taken in or refused with a reason, and never breaks the service', async () => {
    await fc.assert(
      fc.asyncProperty(body, async (value) => {
        const answer = await api.call('POST', SUBMIT, { body: JSON.stringify(value) });
        expect([202, 400, 422]).toContain(answer.status);
      }),
      { numRuns: 500 },
    );
  });

  it('of any bytes is refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), async (bytes) => {
        const answer = await api.call('POST', SUBMIT, { body: Buffer.from(bytes) });
        expect(answer.status).toBe(400);
      }),
      { numRuns: 200 },
    );
    expect(api.logged.join('\n')).not.toContain('our side');
  });
});
