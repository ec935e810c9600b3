import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';

/** As `expect(found).toEqual(meant)`, for properties that ask a million times: what is the same is not looked at twice. */
export function same(found: unknown, meant: unknown): void {
  if (!isDeepStrictEqual(found, meant)) expect(found).toEqual(meant);
}
