import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { canonicalJson } from '../../src/core/canonical.js';
import { readJsonObject } from '../../src/core/json.js';
import type { JsonValue } from '../../src/core/json.js';

/** The value as the reader gives it. */
function value(text: string): JsonValue {
  const reading = readJsonObject(new TextEncoder().encode(`{"v":${text}}`));
  if (!reading.ok) throw new Error(reading.problem);
  return reading.value['v'] ?? null;
}

const json = fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' }).map((any) => JSON.stringify(any));

describe('canonicalJson', () => {
  it('writes the example of RFC 8785, section 3.2.2', () => {
    const text = String.raw`{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],
      "string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}`;
    expect(canonicalJson(value(text))).toBe(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
  });

  it('sorts names by UTF-16 code units, as in RFC 8785, section 3.2.3', () => {
    const names = ['\u20ac', '\r', '\ufb33', '1', '\u{1f600}', '\u0080', '\u00f6'];
    const sorted = ['\r', '1', '\u0080', '\u00f6', '\u20ac', '\u{1f600}', '\ufb33'];
    const written = canonicalJson(Object.fromEntries(names.map((name) => [name, 0])));
    expect(written).toBe(`{${sorted.map((name) => `${JSON.stringify(name)}:0`).join(',')}}`);
    expect(canonicalJson(value('{"b":{},"__proto__":[],"10":0,"9":-0}'))).toBe('{"10":0,"9":0,"__proto__":[],"b":{}}');
  });

  it('refuses what has no canonical form', () => {
    for (const bad of [Number.NaN, Infinity, '\ud800', { '\udc00': 1 }, [[-Infinity]]]) {
      expect(() => canonicalJson(bad)).toThrow(TypeError);
    }
  });

  it('writes a value that reads back as itself, and writes it the same again', () => {
    fc.assert(
      fc.property(json, (text) => {
        const written = canonicalJson(value(text));
        expect(value(written)).toEqual(value(text));
        expect(canonicalJson(value(written))).toBe(written);
      }),
      { numRuns: 500 },
    );
  });

  it('does not depend on the order of members nor on spacing', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })), (object) => {
        const reversed = Object.fromEntries(Object.entries(object).toReversed());
        expect(canonicalJson(value(JSON.stringify(reversed, null, 3)))).toBe(
          canonicalJson(value(JSON.stringify(object))),
        );
      }),
      { numRuns: 300 },
    );
  });
});
