import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCursor, encodeCursor } from '../../src/store/cursor.js';
import { newId } from '../../src/store/identifiers.js';

describe('a cursor', () => {
  it('gives back the id that it was made of', () => {
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        expect(decodeCursor(encodeCursor(id))).toBe(id);
      }),
    );
    const id = newId();
    expect(decodeCursor(encodeCursor(id))).toBe(id);
  });

  it('is nothing that an answer of ours never held', () => {
    const cursor = encodeCursor(newId());
    const near = [`${cursor}=`, `${cursor} `, cursor.slice(1), cursor.toUpperCase(), `${cursor}AA`, newId(), ''];
    const upper = encodeCursor(newId().toUpperCase());
    for (const other of [...near, upper, encodeCursor('x'), encodeCursor(`${newId()}\n`)]) {
      expect(decodeCursor(other)).toBeNull();
    }
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const id = decodeCursor(text);
        if (id !== null) expect(encodeCursor(id)).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });
});
