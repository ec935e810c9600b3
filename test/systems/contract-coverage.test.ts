import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const here = new URL('./', import.meta.url);
const page = readFileSync(new URL('../../docs/contract-coverage.md', here), 'utf8');
const rows = [...page.matchAll(/^\| (T\d+) .*$/gm)].map(([row, id = '']) => ({
  id,
  fate: row.split('|').at(-2)?.trim(),
}));

/** Every number that a test's title carries. */
const titled = new Set(
  readdirSync(here)
    .filter((name) => name.endsWith('.test.ts'))
    .flatMap((name) => [...readFileSync(new URL(name, here), 'utf8').matchAll(/^\s*it\((['"`])(.*?)\1, /gm)])
    .flatMap(([, , title = '']) => title.match(/\bT\d{2,3}\b/g) ?? []),
);

describe('docs/contract-coverage.md', () => {
  it('has every situation once, in order', () => {
    expect(rows.map(({ id }) => id)).toEqual(
      Array.from({ length: 144 }, (_, index) => `T${String(index + 1).padStart(2, '0')}`),
    );
  });

  it('says of each that it is tested, or why not', () => {
    for (const { id, fate } of rows)
      expect([id, fate]).toEqual([id, expect.stringMatching(/^(tested$|not ours: |elsewhere: |cannot occur: )/)]);
  });

  it('calls tested what a test names, and nothing else', () => {
    const tested = rows.filter(({ fate }) => fate === 'tested').map(({ id }) => id);
    expect(tested.toSorted()).toEqual([...titled].toSorted());
    expect(tested.length).toBeGreaterThan(90);
  });
});
