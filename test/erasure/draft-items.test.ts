import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { distinctAsks, draftItems, itemDigest, laneDigest, scopeKey } from '../../src/erasure/draft-items.js';
import type { Asked } from '../../src/erasure/draft-items.js';
import { newId } from '../../src/store/identifiers.js';
import { BLOCK_ITEMS } from '../../src/store/sealed-values.js';
import type { Vault } from '../../src/store/vault.js';
import { same } from '../support/same.js';
import { CONFIGURED, realWorkplace, target } from './real-workplace.js';
import type { RealWorkplace } from './real-workplace.js';

const HOSTILE = [
  '__proto__',
  'constructor',
  '\u00e9',
  'e\u0301',
  '👩‍👩‍👧',
  ' ',
  'a',
  'A',
  'a ',
  '..',
  '/',
  '"],["',
  '\u0001',
  '0',
];
const value = fc.oneof(
  { arbitrary: fc.constantFrom(...HOSTILE), weight: 3 },
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }).filter((text) => !text.includes('\0')),
);
const list = fc.array(value, { minLength: 1, maxLength: 6 });
const organization = fc.option(value, { nil: undefined });
const given = (object: object) => Object.fromEntries(Object.entries(object).filter(([, one]) => one !== undefined));
const targets = fc.oneof(
  fc.record({ organizationId: value, documentIds: list }).map((one) => ({ system: 'velt.documents', ...one })),
  fc
    .record({
      organizationId: organization,
      documentId: value,
      locationIds: fc.option(list, { nil: undefined }),
      filter: fc.option(fc.tuple(fc.constantFrom('annotationIds', 'userIds'), list)),
    })
    .map(({ filter, ...one }) => ({
      system: 'velt.comments',
      ...given(one),
      ...(filter === null ? {} : { [filter[0]]: filter[1] }),
    })),
  fc
    .tuple(fc.constantFrom('ids', 'containerTags'), list)
    .map(([field, values]) => ({ system: 'supermemory.documents', [field]: values })),
);
/** What is asked, as plain text that equals exactly for the same thing; scopes are sorted by hand here. */
const textOf = ({ system, scope, kind, externalId }: Asked) =>
  JSON.stringify([
    system,
    Object.entries(scope)
      .map(([name, one]) => [name, typeof one === 'string' ? one : [...new Set(one)].toSorted()])
      .toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
    kind,
    externalId,
  ]);

describe('what targets ask for', () => {
  let place: RealWorkplace;
  let vault: Vault;
  beforeAll(async () => {
    place = await realWorkplace();
    vault = place.workplace.vault;
  });
  afterAll(() => place.close());
  const digest = (asked: Asked) => itemDigest(vault, asked).toString('hex');
  const lane = (asked: Asked) => laneDigest(vault, asked).toString('hex');

  it('is each thing once over all targets, in the order in which it first came, and told apart exactly', () => {
    fc.assert(
      fc.property(fc.array(targets, { minLength: 1, maxLength: 12 }), (raw) => {
        const read = raw.map(target);
        const asks = distinctAsks([...read, ...read]);
        const texts = asks.map(textOf);
        expect(new Set(texts).size).toBe(texts.length);
        expect(new Set(asks.map(digest)).size).toBe(asks.length);
        const every = raw.flatMap((one) => distinctAsks([target(one)]).map(textOf));
        expect(texts).toEqual([...new Set(every)]);
      }),
      { numRuns: 500 },
    );
  });

  it('is the same for the same filters in any order, however often repeated', () => {
    const comments = { system: 'velt.comments', organizationId: 'o', documentId: 'd' };
    fc.assert(
      fc.property(list, fc.boolean(), (filter, byUser) => {
        const field = byUser ? 'userIds' : 'locationIds';
        const one = target({ ...comments, [field]: filter });
        const other = target({ ...comments, [field]: [...filter.toReversed(), ...filter] });
        const asks = distinctAsks([one, other]);
        expect(asks).toHaveLength(1);
        expect(scopeKey(one.scope)).toBe(scopeKey(other.scope));
        const [a] = distinctAsks([one]);
        const [b] = distinctAsks([other]);
        if (!a || !b) throw new Error('nothing was asked');
        expect([digest(a), lane(a)]).toEqual([digest(b), lane(b)]);
      }),
      { numRuns: 200 },
    );
  });

  it('shares a lane exactly when it may share a call: IDs of one scope; a selector goes alone', () => {
    fc.assert(
      fc.property(fc.array(targets, { minLength: 1, maxLength: 10 }), (raw) => {
        const asks = distinctAsks(raw.map(target));
        for (const a of asks) {
          for (const b of asks) {
            const mayShare =
              a === b ||
              (a.kind === 'id' && b.kind === 'id' && a.system === b.system && scopeKey(a.scope) === scopeKey(b.scope));
            same(lane(a) === lane(b), mayShare);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it('comes back from its block and slot with its own scope and ID, for thousands of items', () => {
    const ids = Array.from(
      { length: 700 },
      (_, no) => `${HOSTILE[no % HOSTILE.length]}${Math.floor(no / HOSTILE.length)}`,
    );
    const many = [
      { system: 'supermemory.documents', ids },
      { system: 'velt.documents', organizationId: '__proto__', documentIds: [...HOSTILE, ...ids] },
      { system: 'velt.comments', organizationId: '\u00e9', documentId: 'd', annotationIds: ids },
      { system: 'velt.comments', organizationId: 'e\u0301', documentId: 'd', annotationIds: ids },
      { system: 'velt.comments', documentId: 'constructor', locationIds: HOSTILE, userIds: ['a', 'A'] },
      { system: 'supermemory.documents', containerTags: [...HOSTILE, ...ids] },
    ];
    const asks = distinctAsks(many.map(target));
    expect(asks.length).toBe(700 * 5 + HOSTILE.length * 2 + 1);
    const draft = draftItems(vault, CONFIGURED, newId(), asks);
    const blocks = new Map(draft.blocks.map(({ no, values }) => [no, values]));
    expect(draft.blocks.every(({ values }) => values.items.length <= BLOCK_ITEMS)).toBe(true);
    expect(draft.blocks.map(({ no }) => no)).toEqual(draft.blocks.map((_, index) => index + 1));
    expect(draft.items).toHaveLength(asks.length);
    for (const [index, item] of draft.items.entries()) {
      const [asked, values] = [asks[index], blocks.get(item.block)];
      const entry = values?.items[item.slot];
      const group = draft.groups[item.group];
      if (!asked || !values || !entry || !group) throw new Error(`item ${index} has no place`);
      same(values.scopes[entry[0]], asked.scope);
      same(entry[1], asked.externalId);
      same([group.system, group.kind], [asked.system, asked.kind]);
      same(group.lane.equals(laneDigest(vault, asked)), true);
      same(item.digest.equals(itemDigest(vault, asked)), true);
    }
    expect(new Set(draft.items.map(({ id }) => id)).size).toBe(asks.length);
  });

  it('stands in the order of deletion: annotations, selectors, then their document; IDs, then tags', () => {
    const order = (...raw: object[]) => {
      const asks = distinctAsks(raw.map(target));
      const draft = draftItems(vault, CONFIGURED, newId(), asks);
      return draft.items.map(({ group }) => draft.groups[group]);
    };
    const [document, annotation, selector, otherOrganization, noOrganization] = order(
      { system: 'velt.documents', organizationId: 'o', documentIds: ['d'] },
      { system: 'velt.comments', organizationId: 'o', documentId: 'd', annotationIds: ['a'] },
      { system: 'velt.comments', organizationId: 'o', documentId: 'd' },
      { system: 'velt.comments', organizationId: 'p', documentId: 'd' },
      { system: 'velt.comments', documentId: 'd' },
    );
    for (const group of [annotation, selector, otherOrganization, noOrganization]) {
      expect(group?.orderGroup).toEqual(document?.orderGroup);
    }
    expect([annotation, selector, document].map((group) => group?.orderRank)).toEqual([0, 1, 2]);
    expect([annotation, selector].map((group) => group?.orderScope)).toEqual([
      document?.orderScope,
      document?.orderScope,
    ]);
    expect(otherOrganization?.orderScope).not.toEqual(document?.orderScope);
    expect(noOrganization?.orderScope).toBeNull();
    expect(document?.orderWarns).toBe(true);
    const [id, tag] = order(
      { system: 'supermemory.documents', ids: ['m'] },
      { system: 'supermemory.documents', containerTags: ['t'] },
    );
    expect([id?.orderRank, tag?.orderRank]).toEqual([0, 1]);
    expect(id?.orderGroup).toEqual(tag?.orderGroup);
    const [lonely] = order({ system: 'supermemory.documents', containerTags: ['t'] });
    expect(lonely?.orderGroup).toBeNull();
    const [other] = order(
      { system: 'supermemory.documents', ids: ['m'] },
      { system: 'supermemory.documents', containerTags: ['t'] },
    );
    expect(other?.orderGroup).not.toEqual(id?.orderGroup);
  });
});
