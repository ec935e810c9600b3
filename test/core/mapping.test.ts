import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readExactObject } from '../../src/core/json.js';
import type { JsonObject } from '../../src/core/json.js';
import { fillMapping, readMapping } from '../../src/core/mapping.js';
import type { Filled, Mapping } from '../../src/core/mapping.js';

const LISTS = new Set(['documentIds', 'annotationIds', 'ids', 'containerTags', 'userIds', 'locationIds']);

function reading(subjectRef: string, targets: unknown) {
  return readMapping({ subjectRef, targets }, () => LISTS);
}
function mapping(subjectRef: string, targets: unknown): Mapping {
  const read = reading(subjectRef, targets);
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  return read.mapping;
}
const problemsOf = (subjectRef: string, targets: unknown): string[] => {
  const read = reading(subjectRef, targets);
  return read.ok ? [] : read.problems.map((problem) => problem.path);
};
function payload(text: string): JsonObject {
  const read = readExactObject(new TextEncoder().encode(text));
  if (!read.ok) throw new Error(read.problem);
  return read.value;
}
const fill = (made: Mapping, text: string): Filled => fillMapping(made, payload(text));
const paths = (filled: Filled): string[] | string =>
  filled.ok ? JSON.stringify(filled.targets) : filled.problems.map((problem) => problem.path);

const CLERK = mapping('{{/data/id}}', [
  { system: 'supermemory.documents', containerTags: ['user_{{/data/id}}'] },
  { system: 'velt.documents', organizationId: 'org1', documentIds: '{{/data/documentIds}}' },
]);

describe('a mapping', () => {
  it('puts values where the templates say', () => {
    expect(fill(CLERK, '{"data":{"id":"u1","documentIds":["d1","d2"]}}')).toEqual({
      ok: true,
      subjectRef: 'u1',
      targets: [
        { system: 'supermemory.documents', containerTags: ['user_u1'] },
        { system: 'velt.documents', organizationId: 'org1', documentIds: ['d1', 'd2'] },
      ],
    });
  });

  it('takes what it finds exactly, braces and blanks around it too', () => {
    const filled = fill(CLERK, '{"data":{"id":" {{/x}} ","documentIds":["{{/data/id}}"]}}');
    expect(filled).toMatchObject({ ok: true, subjectRef: ' {{/x}} ' });
    expect(paths(filled)).toContain('"documentIds":["{{/data/id}}"]');
  });

  it('writes safe integers in decimal digits', () => {
    const filled = fill(CLERK, '{"data":{"id":9007199254740991,"documentIds":[-7,0,"x"]}}');
    expect(filled).toMatchObject({ ok: true, subjectRef: '9007199254740991' });
    expect(paths(filled)).toContain('"documentIds":["-7","0","x"]');
  });

  it.each([
    '9007199254740992',
    '9007199254740993',
    '9007199254740991.4',
    '12345678901234567890',
    '1e3',
    '1.0',
    '0.5',
    '-0',
  ])('takes no number that might stand for another: %s', (number) => {
    expect(paths(fill(CLERK, `{"data":{"id":${number},"documentIds":["d"]}}`))).toEqual(['/data/id']);
    expect(paths(fill(CLERK, `{"data":{"id":"u","documentIds":[${number}]}}`))).toEqual(['/data/documentIds']);
  });

  it.each(['null', '""', '" \\t\\u00a0"', '"\\u200b\\ufeff"', '[]', '["u"]', '{}', '{"a":1}', 'true', 'false'])(
    'refuses %s where one value is to stand',
    (value) => {
      expect(paths(fill(CLERK, `{"data":{"id":${value},"documentIds":["d"]}}`))).toEqual(['/data/id']);
    },
  );

  it.each(['null', '""', '"d"', '7', '[]', '[""]', '["d",null]', '["d",["e"]]', '["d",{}]', '["d",true]', '{"0":"d"}'])(
    'refuses %s where a list is to stand',
    (value) => {
      expect(paths(fill(CLERK, `{"data":{"id":"u","documentIds":${value}}}`))).toEqual(['/data/documentIds']);
    },
  );

  it('finds own members only', () => {
    for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty'])
      expect(paths(fill(mapping(`{{/${name}/name}}`, null), '{"a":1}'))).toEqual([`/${name}/name`]);
    expect(fill(mapping('{{/__proto__/a}}', null), '{"__proto__":{"a":"own"}}')).toMatchObject({ subjectRef: 'own' });
    for (const pointer of ['/list/length', '/list/-', '/list/01', '/list/2', '/list/ 0', '/text/0', '/text/length'])
      expect(paths(fill(mapping(`{{${pointer}}}`, null), '{"list":["a","b"],"text":"ab"}'))).toEqual([pointer]);
    expect(fill(mapping('{{/list/1}}', null), '{"list":["a","b"]}')).toMatchObject({ subjectRef: 'b' });
  });

  it('reads pointers as RFC 6901 does', () => {
    const made = mapping('{{/a~1b}}-{{/m~0n}}-{{/}}-{{/~01}}', null);
    expect(fill(made, '{"a/b":"1","m~n":"2","":"3","~1":"4"}')).toMatchObject({ subjectRef: '1-2-3-4', targets: null });
  });

  it('names every pointer that finds nothing, once', () => {
    expect(paths(fill(CLERK, '{"data":{}}'))).toEqual(['/data/id', '/data/documentIds']);
  });
});

describe('a definition', () => {
  it.each([
    '{{data/id}}',
    '{{ /data/id }}',
    '{{/data/id}',
    '{{/data/id}}}}',
    '{{}}',
    '{{/a~2}}',
    '{{/a{{/b}}}}',
    '{{/data',
  ])('is refused for %s', (template) => {
    expect(problemsOf(template, null)).toEqual(['/subjectRef']);
    expect(problemsOf('{{/id}}', [{ system: 'a', ids: [template] }])).toEqual(['/targets/0/ids/0']);
  });

  it('takes the subject out of the payload', () => {
    expect(problemsOf('everybody', null)).toEqual(['/subjectRef']);
  });

  it('lets no payload choose the system', () => {
    expect(problemsOf('{{/id}}', [{ system: '{{/system}}', ids: ['x'] }])).toEqual(['/targets/0/system']);
    expect(problemsOf('{{/id}}', [{ ids: ['x'] }])).toEqual(['/targets/0/system']);
  });

  it('has lists where lists belong, or one pointer and nothing else', () => {
    for (const ids of ['x', 'x{{/id}}', '{{/a}}{{/b}}', 7, null, {}, ''])
      expect(problemsOf('{{/id}}', [{ system: 'a', ids }])).toContain('/targets/0/ids');
    expect(problemsOf('{{/id}}', [])).toEqual(['/targets']);
    expect(problemsOf('{{/id}}', [7])).toEqual(['/targets/0']);
    expect(
      problemsOf(
        '{{/id}}',
        Array.from({ length: 51 }, () => ({ system: 'a', ids: ['x'] })),
      ),
    ).toEqual(['/targets']);
  });
});

/** A payload in which the places that the mapping looks at hold anything at all, or are missing. */
const anything = fc.oneof(
  { weight: 3, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  {
    weight: 2,
    arbitrary: fc.array(fc.oneof(fc.string(), fc.constantFrom(null, '', ' ', 3, 2 ** 53, {}, [])), { maxLength: 4 }),
  },
  { weight: 2, arbitrary: fc.constantFrom('', ' ', '\u200b', null, [], {}, 0, 1.5, 2 ** 60, 'd1', true) },
);
const fittingText = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('u1', 7, ' x ') },
  { weight: 1, arbitrary: anything },
);
const fittingList = fc.oneof(
  { weight: 6, arbitrary: fc.array(fc.constantFrom('a', 'b', 8), { minLength: 1 }) },
  { weight: 1, arbitrary: anything },
);
const members = fc.oneof(
  fc.record({ id: fittingText, organizationId: fittingText, ids: fittingList, userIds: fittingList }),
  fc.record({ id: anything, organizationId: anything, ids: anything, userIds: anything }, { requiredKeys: [] }),
);

describe('whatever the payload holds', () => {
  const made = mapping('{{/data/id}}', [
    {
      system: 'velt.comments',
      organizationId: '{{/data/organizationId}}',
      documentId: 'd-{{/data/id}}',
      userIds: '{{/data/userIds}}',
    },
    { system: 'velt.documents', organizationId: 'org1', documentIds: ['{{/data/id}}', 'x{{/data/id}}'] },
    { system: 'supermemory.documents', ids: '{{/data/ids}}' },
  ]);

  it('what comes out is a refusal, or has exactly the shape of the mapping and not one empty value', () => {
    let filledOnes = 0;
    fc.assert(
      fc.property(
        fc.oneof(fc.record({ data: members }), fc.record({ data: anything }, { requiredKeys: [] })),
        (value) => {
          const read = readExactObject(new TextEncoder().encode(JSON.stringify(value)));
          if (!read.ok) return;
          const filled = fillMapping(made, read.value);
          if (!filled.ok) {
            expect(filled.problems.length).toBeGreaterThan(0);
            return;
          }
          filledOnes += 1;
          expect(filled.targets?.map((target) => Object.keys(target))).toEqual([
            ['system', 'organizationId', 'documentId', 'userIds'],
            ['system', 'organizationId', 'documentIds'],
            ['system', 'ids'],
          ]);
          const values = [
            filled.subjectRef,
            ...(filled.targets ?? []).flatMap((target) => Object.values(target)),
          ].flat();
          for (const text of values) expect(typeof text === 'string' && text.trim() !== '').toBe(true);
          const lists = (filled.targets ?? []).flatMap((target) => Object.values(target)).filter(Array.isArray);
          expect(lists).toHaveLength(3);
          for (const list of lists) expect(list.length).toBeGreaterThan(0);
        },
      ),
      { numRuns: 3000, seed: 6 },
    );
    fc.assert(
      fc.property(fc.array(fc.string({ minLength: 1 }).filter((text) => text.trim() !== '')), (ids) => {
        const data = { id: 'u', organizationId: 'o', userIds: ['v'], ids };
        const filled = fillMapping(made, { data });
        expect(filled.ok).toBe(ids.length > 0 && ids.every((text) => !/^[\s\p{Cc}\p{Cf}]*$/u.test(text)));
        if (filled.ok) expect(filled.targets?.[2]).toEqual({ system: 'supermemory.documents', ids });
      }),
      { numRuns: 300, seed: 6 },
    );
    expect(filledOnes).toBeGreaterThan(100);
  });
});

describe('exact reading', () => {
  it('leaves text, structure and whole numbers as they are', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const text = JSON.stringify({ value });
        const read = readExactObject(new TextEncoder().encode(text));
        if (!read.ok) return;
        expect(JSON.stringify(read.value)).toBe(JSON.stringify({ value: exactOnly(value) }));
      }),
      { numRuns: 500, seed: 6 },
    );
    expect(payload('{"a":"1e400 \\" 2.5","2.5":-12}')).toEqual({ a: '1e400 " 2.5', '2.5': -12 });
  });
});

/** Infinity, for which JSON has no word, is written as null. */
function exactOnly(value: unknown): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : null;
  if (Array.isArray(value)) return value.map((each: unknown) => exactOnly(each));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]: [string, unknown]) => [name, exactOnly(member)]),
  );
}
