import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { claimBatches } from '../../src/store/batches.js';
import { nextDue, readDue, readForProbe } from '../../src/store/due-items.js';
import { newId } from '../../src/store/identifiers.js';
import { storedWork } from './stored-work.js';
import type { Key, StoredWork } from './stored-work.js';

const COMMENTS = 'a.comments';
const DOCUMENTS = 'a.documents';

describe('what is due', () => {
  let work: StoredWork;
  beforeEach(async () => {
    work = await storedWork();
  });
  afterEach(() => work.close());

  const due = (system: string, blocked: readonly string[] = [], limit = 100) =>
    work.database.transaction((tx) => readDue(tx, system, limit, blocked));
  const dueIds = async (system: string, blocked: readonly string[] = [], limit = 100) =>
    (await due(system, blocked, limit)).map(({ id }) => id);
  const ids = (keys: readonly Key[]) => keys.map(({ id }) => id);

  /** A document of one request, and one comments item that may hold it. */
  async function waiting(documentScope: string | null, commentScope: string | null, dueInDays = 30) {
    const [document] = await work.request(
      [{ system: DOCUMENTS, group: 'd', scope: documentScope, rank: 2, warns: true }],
      dueInDays,
    );
    const [comment] = await work.request([{ system: COMMENTS, group: 'd', scope: commentScope, rank: 0 }]);
    if (!document || !comment) throw new Error('nothing was stored');
    return { document, comment };
  }

  it('is what is pending, its time come and in no batch, earliest deadline first', async () => {
    const late = await work.request([{}, {}], 20);
    const soon = await work.request([{}], 5);
    const [failed, resting, claimed] = await work.request([{}, {}, {}], 1);
    if (!failed || !resting || !claimed) throw new Error('nothing was stored');
    await work.request([{ system: 'another.one' }], 1);
    await work.set([failed], `outcome = 'failed', reason = 'rejected', settled_at = now()`);
    await work.set([resting], `due_at = now() + interval '1 hour'`);
    await work.database.transaction((tx) =>
      claimBatches(tx, { system: 'a.things', provider: 'a', probe: false }, [{ id: newId(), items: [claimed] }]),
    );
    expect(await dueIds('a.things')).toEqual(ids([...soon, ...late]));
    expect(await dueIds('a.things', [], 2)).toEqual(ids([...soon, ...late]).slice(0, 2));
  });

  it('says of every item its lane, its digest and its times on the clock of the database', async () => {
    await work.request(
      [
        { lane: 'x', externalId: 'same' },
        { kind: 'selector', lane: 'y' },
      ],
      10,
    );
    await work.request([{ lane: 'x', externalId: 'same' }], 11);
    const [first, selector, second] = await due('a.things');
    expect([first?.digest, first?.lane]).toEqual([second?.digest, second?.lane]);
    expect([first?.selects, selector?.selects, first?.suspectId, first?.early]).toEqual([false, true, null, false]);
    const [clock] = await work.query<{ ms: number }>('select (extract(epoch from now()) * 1000)::float8 as ms');
    const days = ((first?.deadlineMs ?? 0) - (clock?.ms ?? 0)) / 86_400_000;
    expect(days).toBeGreaterThan(9.9);
    expect(days).toBeLessThanOrEqual(10);
    expect(first?.dueMs).toBeLessThanOrEqual(clock?.ms ?? 0);
  });

  it.each([
    ['the same organization', 'org', 'org', true],
    ['no organization at the comments', 'org', null, true],
    ['no organization at the document', null, 'org', true],
    ['no organization at either', null, null, true],
    ['another organization', 'org', 'other', false],
  ])('lets a document wait for comments of any request, %s', async (_, documentScope, commentScope, waits) => {
    const { document, comment } = await waiting(documentScope, commentScope);
    expect(await dueIds(DOCUMENTS)).toEqual(waits ? [] : [document.id]);
    expect(await dueIds(COMMENTS)).toEqual([comment.id]);
  });

  it('does not let a document wait for comments of another document', async () => {
    const [document] = await work.request([{ system: DOCUMENTS, group: 'd', rank: 2 }]);
    await work.request([{ system: COMMENTS, group: 'e', rank: 0 }]);
    expect(await dueIds(DOCUMENTS)).toEqual([document?.id]);
  });

  it('lets a document go when its comments are settled, also as failed, unconfirmed or cancelled', async () => {
    for (const settled of [`'failed', reason = 'denied'`, `'unconfirmed'`, `'cancelled'`]) {
      const { document, comment } = await waiting(null, null);
      expect(await dueIds(DOCUMENTS)).not.toContain(document.id);
      await work.set([comment], `outcome = ${settled}, settled_at = now()`);
      expect(await dueIds(DOCUMENTS)).toContain(document.id);
    }
  });

  it('lets a document wait for comments that rest, or are under way, until they are settled', async () => {
    const { comment } = await waiting(null, null);
    await work.set([comment], `due_at = now() + interval '1 day'`);
    expect(await dueIds(DOCUMENTS)).toEqual([]);
    await work.database.transaction((tx) =>
      claimBatches(tx, { system: COMMENTS, provider: 'a', probe: false }, [{ id: newId(), items: [comment] }]),
    );
    expect(await dueIds(DOCUMENTS)).toEqual([]);
  });

  it('lets a document go early, and says so, only when its comments are blocked and 7 days are left', async () => {
    const near = await waiting('near', 'near', 6.9);
    expect(await dueIds(DOCUMENTS)).toEqual([]);
    const [early] = await due(DOCUMENTS, [COMMENTS]);
    expect(early).toMatchObject({ id: near.document.id, early: true });
    const [far] = await work.request([{ system: DOCUMENTS, group: 'd', scope: 'near', rank: 2, warns: true }], 7.1);
    expect(await dueIds(DOCUMENTS, [COMMENTS])).not.toContain(far?.id);
    await work.set([near.comment], `outcome = 'unconfirmed', settled_at = now()`);
    expect((await due(DOCUMENTS, [COMMENTS])).map(({ early: goes }) => goes)).toEqual([false, false]);
  });

  it('sends annotation IDs before selectors of the same document, and those before the document', async () => {
    const [document, selector, id] = await work.request([
      { system: DOCUMENTS, group: 'd', scope: 'o', rank: 2 },
      { system: COMMENTS, group: 'd', scope: 'o', rank: 1, kind: 'selector', lane: 's' },
      { system: COMMENTS, group: 'd', scope: 'o', rank: 0 },
    ]);
    if (!document || !selector || !id) throw new Error('nothing was stored');
    expect(await dueIds(COMMENTS)).toEqual([id.id]);
    await work.set([id], `outcome = 'failed', reason = 'denied', settled_at = now()`);
    expect([await dueIds(COMMENTS), await dueIds(DOCUMENTS)]).toEqual([[selector.id], []]);
    await work.set([selector], `outcome = 'unconfirmed', settled_at = now()`);
    expect(await dueIds(DOCUMENTS)).toEqual([document.id]);
  });

  it('holds every company of suspects that is due, whole, beside what may go in any company', async () => {
    const keys = await work.request(Array.from({ length: 12 }, () => ({})));
    const [one, other] = [newId(), newId()];
    await work.set(keys.slice(0, 5), `suspect_id = '${one}'`);
    await work.set(keys.slice(5, 8), `suspect_id = '${other}', due_at = now() + interval '1 hour'`);
    const read = await due('a.things', [], 2);
    expect(read.filter(({ suspectId }) => suspectId === one).map(({ id }) => id)).toEqual(ids(keys.slice(0, 5)));
    expect(read.filter(({ suspectId }) => suspectId === other)).toEqual([]);
    expect(read.filter(({ suspectId }) => suspectId === null)).toHaveLength(2);
  });

  it('names the time of the next item that is neither due nor under way', async () => {
    const next = () => work.database.transaction((tx) => nextDue(tx, 'a.things'));
    expect(await next()).toBeNull();
    const [first, second] = await work.request([{}, {}]);
    if (!first || !second) throw new Error('nothing was stored');
    expect(await next()).toBeNull();
    await work.set([first], `due_at = '2100-01-01T00:00:00Z'`);
    await work.set([second], `due_at = '2100-01-02T00:00:00Z'`);
    expect(await next()).toBe(Date.UTC(2100, 0, 1));
    await work.database.transaction((tx) =>
      claimBatches(tx, { system: 'a.things', provider: 'a', probe: false }, [{ id: newId(), items: [first] }]),
    );
    expect(await next()).toBe(Date.UTC(2100, 0, 2));
  });

  it('gives a probe the items tried least recently, never tried first, whenever they would be due', async () => {
    const keys = await work.request(Array.from({ length: 4 }, () => ({})));
    const [a, b, c, d] = keys;
    if (!a || !b || !c || !d) throw new Error('nothing was stored');
    await work.set([a], `last_attempt_at = now() - interval '1 minute'`);
    await work.set([b], `last_attempt_at = now() - interval '9 minutes', due_at = now() + interval '1 hour'`);
    await work.set([c], `last_attempt_at = now() - interval '5 minutes'`);
    const probe = (limit: number) => work.database.transaction((tx) => readForProbe(tx, 'a.things', limit, []));
    expect((await probe(3)).map(({ id }) => id)).toEqual([d.id, b.id, c.id]);
    await work.set([d], `outcome = 'unconfirmed', settled_at = now()`);
    expect((await probe(1)).map(({ id }) => id)).toEqual([b.id]);
  });

  it('is nothing that is held, not for a probe either, nor a time to wake up for', async () => {
    const held = await work.request([{}, {}, {}], 1);
    const [free] = await work.request([{}], 20);
    const company = newId();
    await work.set(held, `held = true`);
    await work.set(held.slice(0, 1), `suspect_id = '${company}'`);
    await work.set(held.slice(1, 2), `due_at = '2100-01-01T00:00:00Z'`);
    expect(await dueIds('a.things')).toEqual([free?.id]);
    const probe = await work.database.transaction((tx) => readForProbe(tx, 'a.things', 10, []));
    expect(probe.map(({ id }) => id)).toEqual([free?.id]);
    expect(await work.database.transaction((tx) => nextDue(tx, 'a.things'))).toBeNull();
  });

  it('is a selector of which a held ID of another request should go first: it may be held for ever', async () => {
    const [held] = await work.request([{ system: COMMENTS, group: 'd', rank: 0 }]);
    const [selector] = await work.request([{ system: COMMENTS, group: 'd', rank: 1, kind: 'selector' }]);
    if (!held || !selector) throw new Error('nothing was stored');
    expect(await dueIds(COMMENTS)).toEqual([held.id]);
    await work.set([held], `held = true`);
    expect(await dueIds(COMMENTS)).toEqual([selector.id]);
  });

  it('holds a document back while its comments are held, until 7 days are left', async () => {
    const far = await waiting('far', 'far', 7.1);
    const near = await waiting('near', 'near', 6.9);
    await work.set([far.comment, near.comment], `held = true`);
    expect((await due(DOCUMENTS)).map(({ id, early }) => [id, early])).toEqual([[near.document.id, true]]);
  });

  it('keeps the order of deletion in a probe', async () => {
    const { document } = await waiting(null, null);
    const probe = await work.database.transaction((tx) => readForProbe(tx, DOCUMENTS, 10, []));
    expect(probe.map(({ id }) => id)).not.toContain(document.id);
  });
});
