import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { own, readJsonObject } from '../../src/core/json.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const problem = (input: string | Uint8Array, depthMax?: number): string => {
  const reading = readJsonObject(typeof input === 'string' ? bytes(input) : input, depthMax);
  return reading.ok ? 'none' : reading.problem;
};

describe('readJsonObject', () => {
  it('names what is wrong', () => {
    expect(problem('')).toBe('empty');
    expect(problem(' \r\n\t')).toBe('empty');
    expect(problem(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]))).toBe('utf8');
    expect(problem(new Uint8Array([0xed, 0xa0, 0x80]))).toBe('utf8');
    expect(problem('\ufeff{}')).toBe('syntax');
    expect(problem('{"a":1')).toBe('syntax');
    expect(problem('{"a":1}x')).toBe('syntax');
    expect(problem('{"a":NaN}')).toBe('syntax');
    expect(problem('}}}}{{{{')).toBe('syntax');
    for (const text of ['null', '[]', '"a"', 'true', '1', '[{"a":1,"a":2}]']) expect(problem(text)).toBe('not_object');
  });

  it('refuses a name that stands twice in one object, at any level and however written', () => {
    for (const text of [
      '{"a":1,"a":1}',
      '{"a":1,"\\u0061":1}',
      '{"x":{"a":1,"a":2}}',
      '{"x":[[{"a":1,"a":2}]]}',
      '{"__proto__":1,"__proto__":2}',
      '{"a":{"b":1},"a":{"b":2}}',
    ]) {
      expect(problem(text)).toBe('duplicate_key');
    }
    for (const text of ['{"a":{"a":1},"b":{"a":2}}', '{"a:b":":","c":"\\":\\\\"}', '{"\\\\":1,"\\"":2}']) {
      expect(problem(text)).toBe('none');
    }
  });

  it('counts depth from the outermost object, and not what stands in strings', () => {
    expect(problem('{"a":[{}]}', 3)).toBe('none');
    expect(problem('{"a":[{}]}', 2)).toBe('too_deep');
    expect(problem('{"a":"[[[[{{{{"}', 1)).toBe('none');
    expect(problem(`{"a":${'['.repeat(99)}${']'.repeat(99)}}`)).toBe('none');
    expect(problem(`{"a":${'['.repeat(100)}${']'.repeat(100)}}`)).toBe('too_deep');
    expect(problem('['.repeat(5_000_000))).toBe('too_deep');
  });

  it('keeps __proto__ as a member like any other, and finds nothing that was not said', () => {
    const reading = readJsonObject(bytes('{"__proto__":{"x":1}}'));
    if (!reading.ok) throw new Error(reading.problem);
    expect(own(reading.value, '__proto__')).toEqual({ x: 1 });
    for (const key of ['x', 'constructor', 'toString', 'hasOwnProperty'])
      expect(own(reading.value, key)).toBeUndefined();
  });

  it('gives back every object that JSON can say', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 5 })), (object) => {
        const text = JSON.stringify(object);
        expect(readJsonObject(bytes(text))).toEqual({ ok: true, value: JSON.parse(text) });
      }),
      { numRuns: 500 },
    );
  });

  it('finds every repeated name', () => {
    const member = fc.tuple(fc.string({ maxLength: 3 }), fc.jsonValue({ maxDepth: 2 }));
    fc.assert(
      fc.property(fc.array(member, { minLength: 1, maxLength: 8 }), (members) => {
        const text = `{${members.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`;
        const isRepeated = new Set(members.map(([name]) => name)).size < members.length;
        expect(problem(text)).toBe(isRepeated ? 'duplicate_key' : 'none');
      }),
      { numRuns: 1_000 },
    );
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (input) => {
        expect(typeof readJsonObject(input).ok).toBe('boolean');
      }),
      { numRuns: 1_000 },
    );
  });
});
