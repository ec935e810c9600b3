import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hit, hitsOf, merged } from '../../src/core/rate-window.js';
import type { RateWindow } from '../../src/core/rate-window.js';

const LENGTH_MS = 1000;
const pauses = fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 60 });

describe('a rate window', () => {
  it('lets exactly its limit pass from its first hit to its end', () => {
    fc.assert(
      fc.property(pauses, fc.integer({ min: 1, max: 10 }), (waits, limit) => {
        let window: RateWindow | undefined;
        let nowMs = 5;
        let began = -Infinity;
        let passed = 0;
        for (const wait of waits) {
          nowMs += wait;
          if (nowMs >= began + LENGTH_MS) [began, passed] = [nowMs, 0];
          const next = hit(window, limit, LENGTH_MS, nowMs);
          expect(next.over).toBe(passed >= limit);
          if (!next.over) passed += 1;
          expect(next.hits).toBe(passed);
          expect(hitsOf(next.window, nowMs)).toBe(passed);
          expect(next.window.endsAtMs).toBe(began + LENGTH_MS);
          expect(next.secondsLeft).toBe(Math.max(1, Math.ceil((began + LENGTH_MS - nowMs) / 1000)));
          window = next.window;
        }
      }),
    );
  });

  it('neither loses nor doubles a hit when the counts are shared', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.boolean()), { maxLength: 80 }), (steps) => {
        const processes: (RateWindow | undefined)[] = [undefined, undefined];
        let shared = 0;
        let made = 0;
        for (const [second, shares] of steps) {
          const at = second ? 1 : 0;
          const window = processes[at];
          if (shares) {
            if (!window) continue;
            shared += window.own;
            processes[at] = merged(window, window.own, { hits: shared, endsAtMs: LENGTH_MS });
          } else {
            processes[at] = hit(window, 1000, LENGTH_MS, 0).window;
            made += 1;
          }
        }
        expect(shared + processes.reduce((sum, window) => sum + (window?.own ?? 0), 0)).toBe(made);
        for (const window of processes) expect(hitsOf(window, 0)).toBeLessThanOrEqual(made);
      }),
    );
  });
});
