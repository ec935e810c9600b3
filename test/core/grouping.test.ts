import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupBy } from '../../src/core/grouping.js';

describe('groupBy', () => {
  it('loses nothing, keeps the order within a group, and orders groups by their first value', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom('__proto__', 'constructor', '', 'a', 'b'), fc.nat())), (pairs) => {
        const groups = groupBy(pairs, ([key]) => key);
        expect([...groups.keys()]).toEqual([...new Set(pairs.map(([key]) => key))]);
        for (const [key, group] of groups) expect(group).toEqual(pairs.filter(([one]) => one === key));
        expect([...groups.values()].flat()).toHaveLength(pairs.length);
      }),
    );
  });
});
