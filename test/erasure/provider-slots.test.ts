import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProviderSlots } from '../../src/erasure/provider-slots.js';

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('the slots of a provider', () => {
  it('are never taken by more than there are, are given in order of asking, and none is lost', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.boolean(), { maxLength: 40 }),
        async (count, steps) => {
          const slots = new ProviderSlots(count);
          const entered: number[] = [];
          let [asked, left] = [0, 0];
          const ask = () => {
            const turn = asked++;
            void slots.acquire().then(() => entered.push(turn));
          };
          for (const isAsking of steps) {
            if (isAsking) ask();
            else if (entered.length > left) {
              left += 1;
              slots.release();
            }
            await settle();
            expect(entered.length).toBe(Math.min(asked, left + count));
          }
          while (left < asked) {
            left += 1;
            slots.release();
            await settle();
          }
          expect(entered).toEqual(Array.from({ length: asked }, (_, turn) => turn));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('go to the next when who waited does not want it any more, or cannot find out', async () => {
    for (const ends of [() => Promise.resolve(false), () => Promise.reject(new Error('away'))]) {
      const slots = new ProviderSlots(1);
      await slots.acquire();
      const given = await slots.acquireWhile(1, ends).catch(() => 'failed');
      expect([false, 'failed']).toContain(given);
      const next = slots.acquireWhile(1, () => Promise.resolve(true));
      slots.release();
      expect(await next).toBe(true);
    }
  });
});
