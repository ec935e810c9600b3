/** Replies that no provider documents: bytes, JSON, the providers' own words in any order, and documented ones gone wrong. */
import fc from 'fast-check';

import type { Reply } from '../../src/systems/http.js';
import type { Call } from '../../src/systems/system.js';
import { replyOf } from './specimen.js';
import type { Specimen } from './specimen.js';

const WORDS = [
  'result',
  'data',
  'error',
  'details',
  'status',
  'message',
  'success',
  'code',
  'id',
  'errors',
  'deletedCount',
  'containerTags',
];
const VALUES = [
  true,
  false,
  null,
  0,
  1,
  2,
  'success',
  'true',
  'Deleted Successfully',
  'Document does not exist',
  'Annotation not found.',
  'Memory not found',
  'not-found',
  'internal',
  'INTERNAL',
  'INVALID_ARGUMENT',
  'NOT_FOUND',
  'x',
  {},
  [],
];
const STATUSES = [200, 200, 200, 202, 204, 301, 400, 401, 403, 404, 409, 413, 429, 500, 503];

export const anyCall = (specimen: Specimen): fc.Arbitrary<Call> =>
  specimen.selectors === null ? specimen.calls : fc.oneof(specimen.calls, specimen.selectors);

/** JSON made of the providers' own words and the call's own IDs, put together at random. */
function soup(call: Call): fc.Arbitrary<unknown> {
  const leaf = fc.constantFrom<unknown>(...VALUES, ...call.ids);
  const key = fc.constantFrom(...WORDS, ...call.ids);
  const level = (inner: fc.Arbitrary<unknown>) =>
    fc.oneof(
      { weight: 2, arbitrary: leaf },
      {
        weight: 3,
        arbitrary: fc.array(fc.tuple(key, inner), { maxLength: 4 }).map((members) => Object.fromEntries(members)),
      },
      { weight: 1, arbitrary: fc.array(inner, { maxLength: 3 }) },
    );
  const inner = level(level(level(leaf)));
  const envelope = fc
    .constantFrom('result', 'error')
    .chain((outer) => fc.record({ data: inner, details: inner, status: leaf }).map((held) => ({ [outer]: held })));
  return fc.oneof(level(inner), envelope);
}

export const asText = (value: unknown): string => JSON.stringify(value) ?? '';

export function anyReply(call: Call): fc.Arbitrary<Reply> {
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.json({ maxDepth: 4 }).map((text) => new TextEncoder().encode(text)),
    soup(call).map((value) => new TextEncoder().encode(asText(value))),
  );
  const status = fc.oneof(fc.constantFrom(...STATUSES), fc.integer({ min: 200, max: 599 }));
  const retryAfter = fc.array(fc.oneof(fc.string(), fc.nat().map(String)), { maxLength: 2 });
  return fc.record({ status, body, retryAfter }).map((drawn) => replyOf(drawn.status, drawn.body, drawn.retryAfter));
}

/** A documented reply with one thing about it wrong. */
export function mutated(call: Call, specimen: Specimen): fc.Arbitrary<Reply> {
  // Not a double: half of all doubles in this range lie next to 0.
  const place = fc.integer({ min: 0, max: 999 }).map((thousandths) => thousandths / 1000);
  const swaps: readonly [RegExp, string][] = [
    [/true/, '"true"'],
    [/true/, '1'],
    [/true/, 'false'],
    [/false/, 'true'],
    [/"success"/, '"ok"'],
    [/"message":"[^"]*"/, '"message":"not deleted"'],
    [/"data"/, '"date"'],
    [/"(details|errors)"/, '"detail"'],
    [/:(\d)/, ':1$1'],
    [/\{/, '{"error":{},'],
  ];
  return fc
    .tuple(
      specimen.genuine(call),
      fc.constantFrom('cut', 'byte', 'status', 'swap'),
      place,
      fc.constantFrom(...swaps),
      fc.constantFrom(...STATUSES, 404, 500),
    )
    .map(([genuine, kind, where, [from, to], status]) => {
      const text = asText(genuine.body);
      const cut = Math.floor(where * text.length);
      if (kind === 'cut') return replyOf(genuine.status, text.slice(0, cut));
      if (kind === 'byte') return replyOf(genuine.status, `${text.slice(0, cut)}~${text.slice(cut + 1)}`);
      return kind === 'status' ? replyOf(status, text) : replyOf(genuine.status, text.replace(from, to));
    });
}
