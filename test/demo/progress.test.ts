import { describe, expect, it } from 'vitest';
import { barLine, plainLine, Progress } from '../../src/demo/progress.js';
import type { Counts } from '../../src/demo/progress.js';
import { Screen } from '../../src/demo/screen.js';
import { widthOf } from '../../src/demo/visible-text.js';

const NONE = { erased: 0, already_absent: 0, nothing_matched: 0, unconfirmed: 0, failed: 0, cancelled: 0 };

function counts(some: Partial<Counts>): Counts {
  const all = { ...NONE, pending: 0, ...some };
  return { ...all, total: Object.values({ ...all, total: 0 }).reduce((sum, count) => sum + count, 0) };
}

function show(isLive: boolean, steps: readonly (readonly [Counts, number])[]): string {
  let written = '';
  const write = (text: string | Uint8Array): boolean => {
    written += String(text);
    return true;
  };
  const progress = new Progress(new Screen({ columns: 80, write }, isLive));
  for (const [standing, elapsedMs] of steps) progress.show(standing, elapsedMs);
  return written;
}

describe('progress', () => {
  it('says in words what was settled and how', () => {
    expect(plainLine(counts({ erased: 3, failed: 1, pending: 2 }))).toBe(
      '4 of 6 settled: 3 erased, 1 failed, 2 pending',
    );
  });

  it('is at most one plain line a second without a terminal, and no line twice', () => {
    const early = counts({ pending: 4 });
    const late = counts({ erased: 4 });
    const steps = [
      [early, 0],
      [late, 500],
      [early, 1200],
      [late, 1300],
      [late, 2300],
    ] as const;
    expect(show(false, steps)).toBe('  0 of 4 settled: 4 pending (0.0 s)\n  4 of 4 settled: 4 erased (1.3 s)\n');
  });

  it('redraws one line on a terminal', () => {
    const written = show(true, [
      [counts({ pending: 2 }), 0],
      [counts({ erased: 1, pending: 1 }), 100],
    ]);
    expect(written).not.toContain('\n');
    expect(written.split('\r\u001b[2K')).toHaveLength(3);
    expect(written).toContain('✔ 1 erased');
  });

  it('fits whatever the width, in words or by symbols', () => {
    const standing = counts({ erased: 31, already_absent: 6, nothing_matched: 2, failed: 1, pending: 3 });
    const text = (columns: number) =>
      barLine(standing, 4200, columns)
        .map((part) => part.text)
        .join('');
    expect(text(140)).toContain('6 already absent');
    expect(text(79)).toContain('○ 6');
    expect(text(79)).not.toContain('already');
    for (const columns of [39, 60, 79, 140]) expect(widthOf(text(columns))).toBeLessThanOrEqual(columns);
  });
});
