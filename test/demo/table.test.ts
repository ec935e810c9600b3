import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Screen } from '../../src/demo/screen.js';
import { scopeInShort, tableLines } from '../../src/demo/table.js';
import { widthOf } from '../../src/demo/visible-text.js';
import { exampleItem } from './example-results.js';

const screenOf = (columns: number, isLive = false) => new Screen({ columns, write: () => true }, isLive);

const ITEMS = [
  exampleItem({
    system: 'velt.comments',
    kind: 'selector',
    id: 'selector-1',
    externalId: null,
    scope: { organizationId: 'acme', documentId: 'doc-1', userIds: ['user_42'] },
    matched: 1,
    attempts: 2,
  }),
  exampleItem({
    system: 'velt.comments',
    externalId: 'ann-1',
    scope: { organizationId: 'acme', documentId: 'doc-2' },
    outcome: 'failed',
    evidence: null,
    reason: 'denied',
    providerMessage: 'Permission denied.',
  }),
  exampleItem({ externalId: 'mem-\u001b[2J\u0007' }),
  exampleItem({
    system: 'velt.comments',
    kind: 'discovered',
    externalId: 'ann-2',
    selectorId: 'selector-1',
    scope: { organizationId: 'acme', documentId: 'doc-1' },
  }),
];

describe('the result table', () => {
  it('groups items by system and scope, and hangs what a selector revealed below it', () => {
    expect(tableLines(ITEMS, screenOf(100))).toEqual([
      '  Outcome   ID                  Kind        Evidence           Calls  The provider said',
      '',
      '  velt.comments  acme / doc-1 / by user_42',
      '  ✔ erased  all that match      selector    provider, 1 found      2',
      '  ✔ erased  └ ann-2             discovered  provider               1',
      '  velt.comments  acme / doc-2',
      '  ✖ failed  ann-1               id          denied                 1  Permission denied.',
      '',
      '  supermemory.documents',
      '  ✔ erased  mem-\\u{1b}[2J\\u{7}  id          provider               1',
    ]);
  });

  it('leaves out the provider’s words, then the kind, where the terminal is narrow', () => {
    const head = (columns: number) => tableLines(ITEMS, screenOf(columns))[0];
    expect(head(80)).toContain('The provider');
    expect(head(70)).not.toContain('The provider');
    expect(head(70)).toContain('Kind');
    expect(head(55)).not.toContain('Kind');
  });

  it('is never wider than the terminal and writes no control character', () => {
    const items = fc.array(
      fc.record({ externalId: fc.string({ unit: 'binary' }), providerMessage: fc.string({ unit: 'binary' }) }),
      { minLength: 1, maxLength: 5 },
    );
    fc.assert(
      fc.property(items, fc.integer({ min: 60, max: 200 }), (values, columns) => {
        for (const line of tableLines(values.map(exampleItem), screenOf(columns))) {
          expect(widthOf(line)).toBeLessThanOrEqual(columns);
          expect(line).not.toMatch(/[\p{Cc}\p{Cf}]/u);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('has colours on a live screen alone', () => {
    expect(tableLines(ITEMS, screenOf(100, true)).join('\n')).toContain('\u001b[31m✖ failed\u001b[0m');
    expect(tableLines(ITEMS, screenOf(100)).join('\n')).not.toContain('\u001b');
  });
});

describe('a scope in short', () => {
  it.each([
    [{}, ''],
    [{ organizationId: 'acme' }, 'acme'],
    [{ documentId: 'd1' }, '(no organization) / d1'],
    [
      { organizationId: 'acme', documentId: 'd1', locationIds: ['l1', 'l2'], userIds: ['u1'] },
      'acme / d1 / at l1, l2 / by u1',
    ],
  ])('of %j is %j', (scope, short) => {
    expect(scopeInShort(scope)).toBe(short);
  });
});
