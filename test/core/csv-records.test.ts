import { Readable } from 'node:stream';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCsvLine } from '../../src/core/csv-records.js';
import { linesOf } from '../../src/core/lines.js';
import type { Line } from '../../src/core/lines.js';

/** The lines of these bytes when they come in chunks that are cut at these places. */
async function linesIn(bytes: Buffer, cuts: readonly number[] = [], bytesMax = 64 * 1024): Promise<Line[]> {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  const chunks = [0, ...places].map((from, index) => bytes.subarray(from, places[index] ?? bytes.length));
  const lines: Line[] = [];
  for await (const some of linesOf(Readable.from(chunks), bytesMax)) lines.push(...some);
  return lines;
}

const told = (lines: readonly Line[]) =>
  lines.flatMap((line) => {
    const entry = readCsvLine(line);
    if (entry.kind === 'nothing') return [];
    return [entry.kind === 'record' ? entry.cells : `${line.number} ${entry.message}`];
  });
const read = async (text: string | Buffer) => told(await linesIn(Buffer.from(text)));
const QUOTES = 'has quotes or line ends that are not allowed here';

describe('lines', () => {
  it('hold every byte that came, wherever the chunks are cut', async () => {
    const bytes = fc.array(fc.constantFrom('"', ',', '\n', '\r', 'a', 'ü'), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(bytes, fc.array(fc.nat()), fc.constantFrom(3, 1000), async (parts, cuts, bytesMax) => {
        const all = Buffer.from(parts.join(''));
        const lines = await linesIn(all, cuts, bytesMax);
        expect(Buffer.concat(lines.map((line) => line.bytes)).equals(all)).toBe(true);
        if (bytesMax === 1000) expect(lines).toEqual(await linesIn(all));
      }),
    );
  });
});

describe('a record of CSV', () => {
  it('is what csv-parse reads', async () => {
    const cell = fc.oneof(
      fc.string().filter((text) => !/[\r\n]/.test(text)),
      fc.constantFrom('', 'a,b', 'say "hi"', '"', 'ü€😀', ' a '),
    );
    const rows = fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(rows, fc.array(fc.nat()), fc.constantFrom('\n', '\r\n'), async (table, cuts, newline) => {
        const quoted = (text: string) => (/[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
        const bytes = Buffer.from(table.map((row) => row.map(quoted).join(',')).join(newline) + newline);
        expect(told(await linesIn(bytes, cuts))).toEqual(parse(bytes, { relax_column_count: true }));
      }),
    );
  });

  it('is one line: a stray quote costs its own, wherever another stands', async () => {
    expect(await read('a,b\nc,"d\ne,f\ng,h"\ni,"j"k\nl,m')).toEqual([
      ['a', 'b'],
      `2 ${QUOTES}`,
      ['e', 'f'],
      `4 ${QUOTES}`,
      `5 ${QUOTES}`,
      ['l', 'm'],
    ]);
  });

  it('never takes a return for a part of a value', async () => {
    expect(await read('a,b\r')).toEqual([['a', 'b']]);
    expect(await read('a\rb,c\nd,"e\rf"\n')).toEqual([`1 ${QUOTES}`, `2 ${QUOTES}`]);
  });

  it('is never made of bytes that are not UTF-8', async () => {
    const bytes = Buffer.concat([Buffer.from('a,b\nc,'), Buffer.from([0xff]), Buffer.from('\ne,f\n')]);
    expect(await read(bytes)).toEqual([['a', 'b'], '2 is not UTF-8', ['e', 'f']]);
  });

  it('is none where a line is empty or too long', async () => {
    const lines = await linesIn(Buffer.from(`a,b\n\n${'x'.repeat(500)}\n\r\nc,d`), [100, 200, 300], 50);
    expect([...new Set(told(lines).map(String))]).toEqual(['a,b', '3 is too long', 'c,d']);
  });
});
