import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBatches } from '../../src/erasure/start-batches.js';
import type { Start } from '../../src/erasure/start-batches.js';
import { Intake } from '../../src/erasure/intake.js';
import { claimBatches } from '../../src/store/batches.js';
import { newId } from '../../src/store/identifiers.js';
import { realWorkplace, target } from './real-workplace.js';
import type { RealWorkplace } from './real-workplace.js';

const DOCUMENTS = 'velt.documents';
const COMMENTS = 'velt.comments';

describe('batches that begin together', () => {
  let place: RealWorkplace;
  beforeAll(async () => {
    place = await realWorkplace();
  });
  afterAll(() => place.close());

  async function submit(over: object, receivedAt: Date | null = null): Promise<string> {
    const submission = { subjectRef: 'user', receivedAt, note: null, targets: [target(over)] };
    const submitted = await new Intake(place.workplace).submit(submission, { actor: 'me', source: 'api' }, null);
    if (submitted.kind !== 'accepted') throw new Error('it was not accepted');
    return submitted.id;
  }
  const comments = (documentId: string) => submit({ system: COMMENTS, documentId, annotationIds: ['a'] });

  async function claimed(...documentIds: string[]): Promise<string> {
    return claimedOf(await submit({ system: DOCUMENTS, organizationId: 'o', documentIds }));
  }
  async function claimedOf(requestId: string): Promise<string> {
    const items = await place.query<{ id: string }>('select id from item where request_id = $1', [requestId]);
    const batchId = newId();
    const at = { system: DOCUMENTS, provider: 'velt', probe: false };
    const claims = items.map(({ id }) => ({ requestId, id }));
    await place.workplace.database.transaction((tx) => claimBatches(tx, at, [{ id: batchId, items: claims }]));
    return batchId;
  }
  const begin = (...ids: string[]) =>
    startBatches(
      place.workplace,
      place.workplace.system(DOCUMENTS),
      ids.map((id) => ({ id, epoch: 1 })),
      [],
    );
  const named = (start: Start | undefined) => (start?.kind === 'started' ? [...start.call.ids].sort() : start?.kind);

  it('are each sent once, however often and under whatever epochs they were rung', async () => {
    const [first, second] = [await claimed('d1'), await claimed('d2')];
    const refs = [
      { id: first, epoch: 2 },
      { id: first, epoch: 1 },
      { id: second, epoch: 1 },
      { id: first, epoch: 1 },
    ];
    const starts = await startBatches(place.workplace, place.workplace.system('velt.documents'), refs, []);
    expect(starts.map(({ kind }) => kind)).toEqual(['gone', 'started', 'started', 'gone']);
    expect(await place.query('select from attempt')).toHaveLength(2);
  });

  it('end without a call where nothing in them opens, though the provider is as full as can be', async () => {
    const requestId = await submit({ system: DOCUMENTS, organizationId: 'o', documentIds: ['closed'] });
    const batchId = await claimedOf(requestId);
    await place.query(`update request_key set wrapped = '\\x00' where request_id = $1`, [requestId]);
    const full = Array.from({ length: 9 }, () => newId());
    await place.query(
      `insert into batch (id, system, provider, state, lease_until)
        select id, 'velt.comments', 'velt', 'sending', now() + interval '1 hour' from unnest($1::uuid[]) as b (id)`,
      [full],
    );
    expect((await begin(batchId)).map(named)).toEqual(['gone']);
    await place.query('delete from batch where id = any ($1)', [full]);
    const [item] = await place.query<object>(
      `select outcome, attempts, due_at > now() + interval '10 minutes' as later from item where request_id = $1`,
      [requestId],
    );
    expect(item).toEqual({ outcome: 'pending', attempts: 0, later: true });
  });

  it('leave out a document that comments hold which were submitted since it was handed out', async () => {
    const [some, whole, free] = [await claimed('e1', 'e2'), await claimed('e3'), await claimed('e4')];
    await comments('e2');
    await comments('e3');
    expect((await begin(some, whole, free)).map(named)).toEqual([['e1'], 'gone', ['e4']]);
    const held = await place.query<{ attempts: number; claims: number }>(
      `select i.attempts, (select count(*)::int from claim c where c.item_id = i.id) as claims from item i
        join claim o on o.batch_id = $1 join item s on s.id = o.item_id where i.request_id = s.request_id and i.id <> s.id`,
      [some],
    );
    expect(held).toEqual([{ attempts: 0, claims: 0 }]);
    expect(await place.query('select from batch where id = $1', [whole])).toEqual([]);
    const carried = await place.query<{ n: number }>(
      'select sum(array_length(p.item_ids, 1))::int as n from attempt_part p join attempt a on a.id = p.attempt_id where a.batch_id = any ($1)',
      [[some, whole, free]],
    );
    expect(carried).toEqual([{ n: 2 }]);
  });

  it('take such a document all the same, with a warning, when its comments are blocked and 7 days are left', async () => {
    const [clock] = await place.query<{ at: Date }>(`select now() - interval '27 days' as at`);
    const requestId = await submit({ system: DOCUMENTS, organizationId: 'o', documentIds: ['f1'] }, clock?.at);
    const batchId = await claimedOf(requestId);
    await comments('f1');
    await place.query(`update gate set reason = 'credentials', since = now() where system = $1`, [COMMENTS]);
    expect((await begin(batchId)).map(named)).toEqual([['f1']]);
    await place.query(`update gate set reason = null, since = null where system = $1`, [COMMENTS]);
    expect(await place.query('select code, system from warning where request_id = $1', [requestId])).toEqual([
      { code: 'document_before_comments', system: DOCUMENTS },
    ]);
  });
});
