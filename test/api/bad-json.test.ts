/** Bodies that cannot be read, by the rows (B…) of docs/bad-input-coverage.md: refused by name, and nothing is stored. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aBody, expectProblem, startApi, SUBMIT } from './test-api.js';
import type { Sending, TestApi } from './test-api.js';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

/** A JSON text whose single ID is written as it stands. */
const idText = (id: string) => `{"subject":{"ref":"u"},"targets":[{"system":"supermemory.documents","ids":[${id}]}]}`;
const bytes = (text: string) => Buffer.from(text, 'latin1');

type Row = readonly [row: string, what: string, sending: Sending, status: number, slug: string];

const UNREADABLE: readonly Row[] = [
  ['B1', 'no body', {}, 400, 'body_missing'],
  ['B1', 'an empty body', { body: '' }, 400, 'body_missing'],
  ['B2', 'cut JSON', { body: '{' }, 400, 'json_invalid'],
  ['B2', 'text after the JSON', { body: `${JSON.stringify(aBody())} x` }, 400, 'json_invalid'],
  ['B3', 'null', { body: 'null' }, 400, 'body_not_object'],
  ['B3', 'a list', { body: '[]' }, 400, 'body_not_object'],
  ['B3', 'a string', { body: '"x"' }, 400, 'body_not_object'],
  ['B3', 'a number', { body: '1' }, 400, 'body_not_object'],
  ['B4', 'text/plain', { body: aBody(), headers: { 'content-type': 'text/plain' } }, 415, 'media_type_unsupported'],
  [
    'B4',
    'a form',
    { body: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
    415,
    'media_type_unsupported',
  ],
  ['B4', 'no media type', { body: aBody(), headers: { 'content-type': '' } }, 415, 'media_type_unsupported'],
  [
    'B5',
    'UTF-16',
    { body: aBody(), headers: { 'content-type': 'application/json; charset=utf-16' } },
    415,
    'media_type_unsupported',
  ],
  ['B5', 'bytes that are not UTF-8', { body: bytes(idText('"\xff"')) }, 400, 'utf8_invalid'],
  ['B6', 'a byte order mark', { body: `\ufeff${JSON.stringify(aBody())}` }, 400, 'json_invalid'],
  ['B7', 'more than 16 MiB', { body: idText(`"${'x'.repeat(16 * 1024 * 1024)}"`) }, 413, 'body_too_large'],
  ['B8', 'a compressed body', { body: aBody(), headers: { 'content-encoding': 'gzip' } }, 415, 'encoding_unsupported'],
  ['B10', '1,000 levels', { body: `${'{"a":'.repeat(1000)}1${'}'.repeat(1000)}` }, 400, 'too_deep'],
  ['B10', '100,000 levels', { body: `{"targets":${'['.repeat(100_000)}${']'.repeat(100_000)}}` }, 400, 'too_deep'],
  ['B11', 'a field twice', { body: '{"subject":{"ref":"a"},"subject":{"ref":"b"}}' }, 400, 'duplicate_key'],
  ['B11', 'a field twice, once escaped', { body: '{"subject":{"ref":"a","r\\u0065f":"b"}}' }, 400, 'duplicate_key'],
];

describe('a body that cannot be read', () => {
  it.each(UNREADABLE)('%s: %s is refused', async (_row, _what, sending, status, slug) => {
    expectProblem(await api.call('POST', SUBMIT, sending), status, slug);
    expect(await api.stored()).toBe(0);
  });
});
