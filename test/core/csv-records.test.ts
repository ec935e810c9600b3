import { Readable } from 'node:stream';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CsvRecords } from '../../src/core/csv-records.js';
import type { CsvEntry } from '../../src/core/csv-records.js';
import { linesOf } from '../../src/core/lines.js';

/** Everything that is read of these bytes when they come in chunks that are cut at these places. */
async function read(bytes: Buffer, cuts: readonly number[] = [], bytesMax = 64 * 1024): Promise<CsvEntry[]> {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  const chunks = [0, ...places].map((from, index) => bytes.subarray(from, places[index] ?? bytes.length));
  const records = new CsvRecords();
  const entries: CsvEntry[] = [];
  for await (const lines of linesOf(Readable.from(chunks), bytesMax)) entries.push(...records.read(lines));
  return [...entries, ...records.read([], true)];
}
const told = (entries: readonly CsvEntry[]) =>
  entries.flatMap((entry) =>
    entry.kind === 'nothing' ? [] : [entry.kind === 'record' ? entry.cells : `${entry.line} ${entry.message}`],
  );
const readText = async (text: string) => told(await read(Buffer.from(text)));

describe('CSV records', () => {
  it('are those that csv-parse reads, wherever the chunks are cut', async () => {
    const cell = fc.oneof(
      fc.string(),
      fc.constantFrom('', 'a,b', 'say "hi"', 'two\r\nlines', '"', 'ü€😀', '\n', ' a '),
    );
    const rows = fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(rows, fc.array(fc.nat()), fc.constantFrom('\n', '\r\n'), async (table, cuts, newline) => {
        const quoted = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
        const bytes = Buffer.from(table.map((row) => row.map(quoted).join(',')).join(newline) + newline);
        const entries = await read(bytes, cuts);
        expect(told(entries)).toEqual(parse(bytes, { relax_column_count: true }));
        expect(Buffer.concat(entries.flatMap((entry) => entry.bytes)).equals(bytes)).toBe(true);
      }),
    );
  });

  it('say the same of any bytes, wherever the chunks are cut, and lose none of them', async () => {
    const bytes = fc.array(fc.constantFrom('"', ',', '\n', '\r', 'a', 'ü'), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(bytes, fc.array(fc.nat()), fc.constantFrom(3, 1000), async (parts, cuts, bytesMax) => {
        const all = Buffer.from(parts.join(''));
        const entries = await read(all, cuts, bytesMax);
        expect(Buffer.concat(entries.flatMap((entry) => entry.bytes)).equals(all)).toBe(true);
        if (bytesMax === 1000) expect(told(entries)).toEqual(told(await read(all)));
      }),
    );
  });

  it('lose one line to a stray quote, not those after it', async () => {
    expect(await readText('a,b\nc,"d\ne,f\ng,h\n')).toEqual([
      ['a', 'b'],
      '2 has quotes that RFC 4180 does not allow',
      ['e', 'f'],
      ['g', 'h'],
    ]);
    expect(await readText('a,"b\nc,d\ne,"f"\n')).toEqual([
      '1 has quotes that RFC 4180 does not allow',
      ['c', 'd'],
      ['e', 'f'],
    ]);
    expect(await readText('a,b"c\nd,"e"f\ng,h')).toEqual([
      '1 has quotes that RFC 4180 does not allow',
      '2 has quotes that RFC 4180 does not allow',
      ['g', 'h'],
    ]);
  });

  it('are never made of bytes that are not UTF-8', async () => {
    const bytes = Buffer.concat([Buffer.from('a,b\nc,'), Buffer.from([0xff]), Buffer.from('\ne,f\n')]);
    expect(told(await read(bytes))).toEqual([['a', 'b'], '2 is not UTF-8', ['e', 'f']]);
  });

  it('pass over a line that is too long, once, and an empty one', async () => {
    expect(told(await read(Buffer.from(`a,b\n\n${'x'.repeat(500)}\n\r\nc,d`), [100, 200, 300], 50))).toEqual([
      ['a', 'b'],
      '3 is too long',
      ['c', 'd'],
    ]);
  });
});
