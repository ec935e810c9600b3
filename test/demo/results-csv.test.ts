import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvCell } from '../../src/core/csv.js';
import { resultsCsv } from '../../src/demo/results-csv.js';
import { exampleItem } from './example-results.js';

/** The cells of a CSV text, by RFC 4180. */
function parse(text: string): string[][] {
  const lines: string[][] = [];
  let line: string[] = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^,"\r\n]*))(,|\r\n)/g)) {
    line.push(quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'));
    if (end === ',') continue;
    lines.push(line);
    line = [];
  }
  return lines;
}

describe('a cell', () => {
  it.each([
    ['plain', 'plain'],
    ['a,b', '"a,b"'],
    ['say "no"', '"say ""no"""'],
    ['a\r\nb', '"a\r\nb"'],
    ['=1+1', "'=1+1"],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\t=1', "'\t=1"],
    ['＝1', "'＝1"],
    ["'=1", "''=1"],
    ['=a,"b"', '"\'=a,""b"""'],
    ['', ''],
    [null, ''],
    [-1, '-1'],
  ])('of %j is %j', (value, cell) => {
    expect(csvCell(value)).toBe(cell);
  });

  it('gives its text back, without the sign that keeps it from being a formula', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const [[cell = ''] = []] = parse(`${csvCell(text)}\r\n`);
        expect(cell).not.toMatch(/^[=+\-@\t\r\n]/);
        expect(cell.replace(/^'/, '')).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('the file', () => {
  it('has a header, and as many cells in each line', () => {
    const scope = { documentId: 'd1', userIds: ['u1', 'u2'] };
    const text = resultsCsv([exampleItem({ externalId: 'a,"b"\r\nc' }), exampleItem({ scope })]);
    const [head = [], first = [], second = [], ...rest] = parse(text);
    expect(rest).toEqual([]);
    expect(head.slice(0, 7)).toEqual([
      'system',
      'kind',
      'organization_id',
      'document_id',
      'location_ids',
      'user_ids',
      'external_id',
    ]);
    expect(first).toHaveLength(head.length);
    expect(first[head.indexOf('external_id')]).toBe('a,"b"\r\nc');
    expect(second[head.indexOf('document_id')]).toBe('d1');
    expect(second[head.indexOf('user_ids')]).toBe('["u1","u2"]');
    expect(text.endsWith('\r\n')).toBe(true);
  });
});
