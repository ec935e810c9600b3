/** Bodies that say what they must not, by the rows (B…) of docs/bad-input-coverage.md: refused by pointer, and nothing is stored. */
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
const withIds = (...ids: unknown[]) => aBody({ targets: [{ system: 'supermemory.documents', ids }] });
const withTarget = (target: unknown) => aBody({ targets: [target] });

type Row = readonly [row: string, what: string, sending: Sending, status: number, slug: string, pointers: string[]];

const INVALID: readonly Row[] = [
  ['B12', 'an unknown field', { body: aBody({ extra: 1 }) }, 400, 'invalid_input', ['/extra']],
  [
    'B12',
    'an unknown field of the subject',
    { body: aBody({ subject: { ref: 'u', 'a/b~c': 1 } }) },
    400,
    'invalid_input',
    ['/subject/a~1b~0c'],
  ],
  [
    'B12',
    'an unknown field of a target',
    { body: withTarget({ system: 'supermemory.documents', ids: ['a'], customIds: ['b'] }) },
    400,
    'invalid_input',
    ['/targets/0/customIds'],
  ],
  [
    'B13',
    '__proto__ as a field',
    { body: '{"subject":{"ref":"u"},"__proto__":{"a":1}}' },
    400,
    'invalid_input',
    ['/__proto__'],
  ],
  [
    'B13',
    '__proto__ inside a target',
    { body: '{"subject":{"ref":"u"},"targets":[{"system":"supermemory.documents","ids":["a"],"__proto__":{}}]}' },
    400,
    'invalid_input',
    ['/targets/0/__proto__'],
  ],
  [
    'B13',
    'constructor as a field',
    { body: aBody({ constructor: { prototype: {} } }) },
    400,
    'invalid_input',
    ['/constructor'],
  ],
  [
    'B14',
    'fields that we set',
    { body: aBody({ id: 'x', status: 'completed', actor: 'me' }) },
    400,
    'invalid_input',
    ['/id', '/status', '/actor'],
  ],
  ['B15', 'an ID that is a number', { body: withIds(123) }, 400, 'invalid_input', ['/targets/0/ids/0']],
  [
    'B15',
    'an ID that is a long number',
    { body: idText('12345678901234567890') },
    400,
    'invalid_input',
    ['/targets/0/ids/0'],
  ],
  ['B15', 'an ID beyond all numbers', { body: idText('1e400') }, 400, 'invalid_input', ['/targets/0/ids/0']],
  ['B16', 'an empty ID', { body: withIds('a', '') }, 400, 'invalid_input', ['/targets/0/ids/1']],
  ['B16', 'an empty subject', { body: aBody({ subject: { ref: '' } }) }, 400, 'invalid_input', ['/subject/ref']],
  ['B18', 'NUL in an ID', { body: withIds('a\0b') }, 400, 'invalid_input', ['/targets/0/ids/0']],
  ['B18', 'NUL in the note', { body: aBody({ note: 'a\0' }) }, 400, 'invalid_input', ['/note']],
  ['B19', 'a lone surrogate in an ID', { body: idText('"\\ud800"') }, 400, 'invalid_input', ['/targets/0/ids/0']],
  [
    'B19',
    'a lone surrogate in the subject',
    { body: '{"subject":{"ref":"\\udc00"}}' },
    400,
    'invalid_input',
    ['/subject/ref'],
  ],
  ['B22', 'an ID of 1,025 characters', { body: withIds('x'.repeat(1025)) }, 400, 'invalid_input', ['/targets/0/ids/0']],
  [
    'B22',
    'a subject of 257 characters',
    { body: aBody({ subject: { ref: 'x'.repeat(257) } }) },
    400,
    'invalid_input',
    ['/subject/ref'],
  ],
  ['B22', 'a note of 2,001 characters', { body: aBody({ note: 'x'.repeat(2001) }) }, 400, 'invalid_input', ['/note']],
  ['B23', 'no targets in the list', { body: aBody({ targets: [] }) }, 400, 'invalid_input', ['/targets']],
  ['B23', 'no IDs in the list', { body: withIds() }, 400, 'invalid_input', ['/targets/0/ids']],
  [
    'B23',
    '100,001 IDs',
    { body: withIds(...Array.from({ length: 100_001 }, (_, n) => `m${n}`)) },
    413,
    'too_many_ids',
    [],
  ],
  [
    'B25',
    'an unknown system',
    { body: withTarget({ system: 'Velt.documents', ids: ['a'] }) },
    400,
    'invalid_input',
    ['/targets/0/system'],
  ],
  [
    'B26',
    'a system named toString',
    { body: withTarget({ system: 'toString', ids: ['a'] }) },
    400,
    'invalid_input',
    ['/targets/0/system'],
  ],
  [
    'B26',
    'a system named __proto__',
    { body: withTarget({ system: '__proto__' }) },
    400,
    'invalid_input',
    ['/targets/0/system'],
  ],
  [
    'B27',
    'a string where a list is due',
    { body: withTarget({ system: 'supermemory.documents', ids: 'a' }) },
    400,
    'invalid_input',
    ['/targets/0/ids'],
  ],
  [
    'B27',
    'an object where a list is due',
    { body: withTarget({ system: 'supermemory.documents', ids: { 0: 'a' } }) },
    400,
    'invalid_input',
    ['/targets/0/ids'],
  ],
  ['B27', 'a list where a string is due', { body: aBody({ note: ['a'] }) }, 400, 'invalid_input', ['/note']],
  [
    'B27',
    'a list where the subject is due',
    { body: aBody({ subject: [{ ref: 'u' }] }) },
    400,
    'invalid_input',
    ['/subject'],
  ],
  ['B27', 'null where targets are due', { body: aBody({ targets: null }) }, 400, 'invalid_input', ['/targets']],
  [
    'B27',
    'an object where targets are due',
    { body: aBody({ targets: { 0: {} } }) },
    400,
    'invalid_input',
    ['/targets'],
  ],
  ['B27', 'a target that is a string', { body: withTarget('velt.documents') }, 400, 'invalid_input', ['/targets/0']],
  [
    'B28',
    '30 February',
    { body: aBody({ receivedAt: '2026-02-30T09:00:00Z' }) },
    400,
    'invalid_input',
    ['/receivedAt'],
  ],
  ['B28', 'infinity', { body: aBody({ receivedAt: 'infinity' }) }, 400, 'invalid_input', ['/receivedAt']],
  ['B28', 'the year 0', { body: aBody({ receivedAt: '0000-01-01T00:00:00Z' }) }, 400, 'invalid_input', ['/receivedAt']],
  [
    'B28',
    'the year 275760',
    { body: aBody({ receivedAt: '+275760-09-13T00:00:00Z' }) },
    400,
    'invalid_input',
    ['/receivedAt'],
  ],
  ['B28', 'no offset', { body: aBody({ receivedAt: '2026-02-03T09:00:00' }) }, 400, 'invalid_input', ['/receivedAt']],
  [
    'B28',
    'a number of milliseconds',
    { body: aBody({ receivedAt: 1_700_000_000_000 }) },
    400,
    'invalid_input',
    ['/receivedAt'],
  ],
  [
    'B28',
    'the far future',
    { body: aBody({ receivedAt: '2999-01-01T00:00:00Z' }) },
    400,
    'invalid_input',
    ['/receivedAt'],
  ],
];

describe('a body that is not valid', () => {
  it.each(INVALID)('%s: %s is refused', async (_row, _what, sending, status, slug, pointers) => {
    expect(expectProblem(await api.call('POST', SUBMIT, sending), status, slug)).toEqual(pointers);
    expect(await api.stored()).toBe(0);
  });

  it('is told all that is wrong with it at once, and none of its values', async () => {
    const body = {
      subject: { ref: '', mail: 'jane@example.org' },
      note: 7,
      targets: [
        { system: 'velt.documents', documentIds: ['secret-d1', ''] },
        { system: 'supermemory.documents', ids: ['secret-m1'], containerTags: ['secret-t1'] },
      ],
    };
    const answer = await api.call('POST', SUBMIT, { body });
    expect(expectProblem(answer, 400, 'invalid_input').sort()).toEqual([
      '/note',
      '/subject/mail',
      '/subject/ref',
      '/targets/0/documentIds/1',
      '/targets/0/organizationId',
      '/targets/1/containerTags',
    ]);
    expect(answer.text).not.toMatch(/secret|jane/);
  });

  it('lists 100 errors and counts the others', async () => {
    const answer = await api.call('POST', SUBMIT, { body: withIds(...Array.from({ length: 5000 }, () => '')) });
    expect(expectProblem(answer, 400, 'invalid_input')).toHaveLength(100);
    expect(answer.text).toContain('4900 more');
  });

  it('leaves the prototype of objects alone (B13)', () => {
    expect(Object.hasOwn(Object.prototype, 'a')).toBe(false);
  });
});
