import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { listParameters, listsBy } from '../../src/store/uuid-lists.js';

const item = fc.record({ requestId: fc.constantFrom('r1', 'r2'), id: fc.uuid(), batch: fc.constantFrom('b1', 'b2') });

describe('lists of ids', () => {
  it('hold every item once, in order, under its own request and batch', () => {
    fc.assert(
      fc.property(fc.array(item), (items) => {
        const [requestIds, batches, texts] = listParameters(listsBy(items, ({ batch }) => batch));
        const keys = requestIds.map((requestId, at) => `${requestId} ${batches[at]}`);
        expect(new Set(keys).size).toBe(keys.length);
        for (const [at, key] of keys.entries()) {
          const own = items.filter((each) => `${each.requestId} ${each.batch}` === key);
          expect(texts[at]).toBe(`{${own.map(({ id }) => id).join(',')}}`);
        }
        expect(new Set(keys)).toEqual(new Set(items.map((each) => `${each.requestId} ${each.batch}`)));
      }),
    );
  });
});
