/** For each system: calls, replies as its provider documents them with what they truly say, and a second reading of claims. */
import fc from 'fast-check';

import type { Answer } from '../../src/core/answer.js';
import type { Reply } from '../../src/systems/http.js';
import type { Call } from '../../src/systems/system.js';

/** A documented reply and, per ID asked, what it says; of a selector call, per ID revealed. */
export interface Genuine {
  readonly status: number;
  readonly body: unknown;
  readonly says: ReadonlyMap<string, Answer['said']>;
  /** Selector calls: whether the pass reported nothing at all. */
  readonly nothing: boolean;
}

export interface Specimen {
  readonly calls: fc.Arbitrary<Call>;
  readonly selectors: fc.Arbitrary<Call> | null;
  genuine(call: Call): fc.Arbitrary<Genuine>;
  /** Whether a parsed body can be read as saying this of the ID: written apart from the adapter, to judge it. */
  proves(call: Call, status: number, body: unknown, id: string, said: 'erased' | 'absent'): boolean;
  /** Whether a parsed body can be read as a pass that found nothing. */
  provesNothing(call: Call, body: unknown): boolean;
  /** Whether a parsed body can be the provider's own refusal of the whole call. */
  refuses(status: number, body: unknown): boolean;
}

/** IDs that read like the words around them, like numbers, like members of every object, and like each other. */
const ODD_IDS = [
  '__proto__',
  'constructor',
  'toString',
  '10',
  '2',
  'a',
  'A',
  'a ',
  '\u00e9',
  'e\u0301',
  'success',
  'error',
];
export const id = fc.oneof(
  fc.constantFrom(...ODD_IDS),
  fc.string({ minLength: 1, maxLength: 8, unit: 'grapheme' }),
  fc.uuid(),
);
export const ids = fc.uniqueArray(id, { minLength: 1, maxLength: 8 });

/** A member of parsed JSON, for judging: undefined where there is no such own one. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let here = value;
  for (const key of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, key)) return undefined;
    here = Object.getOwnPropertyDescriptor(here, key)?.value;
  }
  return here;
}

export function replyOf(status: number, body: Uint8Array | string, retryAfter: readonly string[] = []): Reply {
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  return { kind: 'reply', status, contentType: 'application/json', retryAfter, body: bytes, sha256: '', receivedAt: 0 };
}

export type State = 'erased' | 'absent' | 'later' | 'unclear';
export const states = (call: Call, ...of: readonly State[]): fc.Arbitrary<ReadonlyMap<string, State>> =>
  fc
    .array(fc.constantFrom(...of), { minLength: call.ids.length, maxLength: call.ids.length })
    .map((drawn) => new Map(call.ids.map((name, index) => [name, drawn[index] ?? 'unclear'])));

/** HTTP statuses by which a provider can refuse a whole call. */
export const REFUSALS = [400, 401, 403, 413, 429];
