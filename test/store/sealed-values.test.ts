import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/store/identifiers.js';
import * as sealed from '../../src/store/sealed-values.js';
import { seal } from '../../src/store/vault.js';
import { storedWork } from './stored-work.js';
import type { StoredWork } from './stored-work.js';

const HOSTILE = [
  '__proto__',
  'constructor',
  'toString',
  '\u00e9',
  'e\u0301',
  '👩‍👩‍👧',
  ' ',
  '..',
  '"',
  '\\',
  '\u2028',
  '0',
];
const value = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }));
const scope = fc.record(
  { organizationId: value, documentId: value, locationIds: fc.array(value, { minLength: 1, maxLength: 3 }) },
  { requiredKeys: [] },
);
const key = randomBytes(32);
const requestId = newId();

describe('sealed values', () => {
  it('come back as they were, at their place alone', () => {
    const items = fc.array(fc.tuple(fc.constant(0), fc.option(value)), { maxLength: 30 });
    fc.assert(
      fc.property(fc.array(scope, { minLength: 1, maxLength: 4 }), items, fc.nat(50), (scopes, entries, no) => {
        const block = sealed.sealItems(key, requestId, no, { scopes, items: entries });
        expect(block.no).toBe(no);
        expect(sealed.unsealItems(key, requestId, no, block.sealed)).toEqual({ scopes, items: entries });
        expect(() => sealed.unsealItems(key, requestId, no + 1, block.sealed)).toThrow();
        expect(() => sealed.unsealItems(key, newId(), no, block.sealed)).toThrow();
      }),
      { numRuns: 300 },
    );
  });

  it('of every kind come back with hostile strings', () => {
    fc.assert(
      fc.property(value, fc.option(value), (one, other) => {
        const subject = { ref: one, note: other };
        expect(sealed.unsealSubject(key, requestId, sealed.sealSubject(key, requestId, subject).sealed)).toEqual(
          subject,
        );
        const first = { fingerprint: 'f', answer: one };
        const idempotency = sealed.sealIdempotency(key, requestId, first);
        expect(sealed.unsealIdempotency(key, requestId, idempotency.sealed)).toEqual(first);
        expect(sealed.unsealText(key, requestId, 7, sealed.sealText(key, requestId, 7, one).sealed)).toBe(one);
        const answer = { sha256: null, status: other, message: one, items: { [newId()]: [one, other] as const } };
        const said = sealed.sealAnswer(key, requestId, requestId, answer);
        expect(sealed.unsealAnswer(key, requestId, requestId, said)).toEqual(answer);
        expect(() => sealed.unsealAnswer(key, requestId, newId(), said)).toThrow();
      }),
      { numRuns: 200 },
    );
  });

  it('of a form that we never wrote are refused', () => {
    const at = `sealed_block ${requestId} 1`;
    for (const form of ['null', '1', '[]', '{}', '{"scopes":[]}', '"text"']) {
      expect(() => sealed.unsealItems(key, requestId, 1, seal(key, at, form))).toThrow('form');
    }
    expect(() => sealed.unsealText(key, requestId, 1, seal(key, at, '{}'))).toThrow('form');
  });
});

describe('opened values', () => {
  let work: StoredWork;
  beforeAll(async () => {
    work = await storedWork();
  });
  afterAll(() => work.close());

  it('give the right scope and ID at every place of many requests, and nothing of a request whose key is destroyed', async () => {
    const scopes = [{}, { documentId: '__proto__' }, { documentId: 'd', locationIds: ['e\u0301', '\u00e9'] }];
    const ids = Array.from({ length: 300 }, (_, no) => (no % 7 === 0 ? null : `${HOSTILE[no % HOSTILE.length]} ${no}`));
    const requests = [await work.request([{}]), await work.request([{}]), await work.request([{}])].map(
      ([item]) => item?.requestId ?? '',
    );
    const places: { at: sealed.ValuePlace; scope: object; id: string | null }[] = [];
    for (const [turn, id] of requests.entries()) {
      const { key: requestKey, wrapped } = work.vault.makeKey(id);
      await work.query('insert into request_key (request_id, wrapped, generation) values ($1, $2, $3)', [
        id,
        wrapped,
        work.vault.generation,
      ]);
      const blocks = [1, 2, 3].map((no) => {
        const items = ids.slice((no - 1) * 100, no * 100).map((one, slot) => {
          const which = (slot + turn) % scopes.length;
          const externalId = one === null ? null : `${one} of ${turn}`;
          places.push({ at: { requestId: id, block: no, slot }, scope: scopes[which] ?? {}, id: externalId });
          return [which, externalId] as const;
        });
        return { ...sealed.sealItems(requestKey, id, no, { scopes, items }), requestId: id };
      });
      await work.database.transaction((tx) => sealed.insertBlocks(tx, blocks));
    }
    await work.query('delete from request_key where request_id = $1', [requests[2]]);
    const read = await sealed.OpenedValues.read(
      work.database,
      work.vault,
      places.map(({ at }) => at),
    );
    for (const { at, scope: expected, id } of places) {
      const gone = at.requestId === requests[2];
      expect(read.at(at)).toEqual(gone ? null : { scope: expected, externalId: id });
    }
    expect(read.at({ requestId: requests[0] ?? '', block: 1, slot: 100 })).toBeNull();
    expect(read.at({ requestId: requests[0] ?? '', block: 9, slot: 0 })).toBeNull();
  });
});
