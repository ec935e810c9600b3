import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cancelRequest } from '../../src/erasure/cancel-request.js';
import { dispatchDue } from '../../src/erasure/dispatch-due.js';
import { Intake } from '../../src/erasure/intake.js';
import { realWorkplace, target } from './real-workplace.js';
import type { RealWorkplace } from './real-workplace.js';

describe('what is handed out', () => {
  let place: RealWorkplace;
  beforeEach(async () => {
    place = await realWorkplace();
  });
  afterEach(() => place.close());

  async function submit(daysAgo: number, ...targets: object[]): Promise<string> {
    const [clock] = await place.query<{ at: Date }>(`select now() - $1 * interval '1 day' as at`, [daysAgo]);
    const submission = { subjectRef: 'u', receivedAt: clock?.at ?? null, note: null, targets: targets.map(target) };
    const submitted = await new Intake(place.workplace).submit(submission, { actor: 'me', source: 'api' }, null);
    if (submitted.kind !== 'accepted') throw new Error('it was not accepted');
    // Long enough ago for a batch not to wait for company.
    await place.query(`update item set due_at = now() - interval '1 hour' where request_id = $1`, [submitted.id]);
    return submitted.id;
  }
  const documents = (organizationId: string, ...documentIds: string[]) => ({
    system: 'velt.documents',
    organizationId,
    documentIds,
  });
  const close = (system: string, reason: string, until: string) =>
    place.query(
      `update gate set reason = $2, since = now(), until = ${until}, probe_delay_ms = 1000 where system = $1`,
      [system, reason],
    );
  const claimed = async () =>
    (await place.query<{ id: string }>('select distinct request_id as id from claim')).map(({ id }) => id);

  it('is to a probe what was tried least recently, not what is due first', async () => {
    const urgent = await submit(20, documents('one', 'd1'));
    const other = await submit(1, documents('two', 'd2'));
    await place.query(`update item set last_attempt_at = now() - interval '1 minute' where request_id = $1`, [urgent]);
    await place.query(`update item set last_attempt_at = now() - interval '9 minutes' where request_id = $1`, [other]);
    await close('velt.documents', 'outage', `now() - interval '1 second'`);
    await dispatchDue(place.workplace, 'velt.documents');
    expect(await claimed()).toEqual([other]);
  });

  it('is one probe at a time, and nothing before its time', async () => {
    await submit(1, documents('one', 'd1'), documents('two', 'd2'));
    await close('velt.documents', 'outage', `now() + interval '1 minute'`);
    await dispatchDue(place.workplace, 'velt.documents');
    expect(await claimed()).toEqual([]);
    await close('velt.documents', 'outage', `now() - interval '1 second'`);
    await dispatchDue(place.workplace, 'velt.documents');
    await dispatchDue(place.workplace, 'velt.documents');
    expect(await place.query('select from batch where probe')).toHaveLength(1);
    expect(await place.query('select from batch')).toHaveLength(1);
  });

  it('is a document ahead of its comments, with a warning, once these are blocked and 7 days are left', async () => {
    await submit(27, documents('o', 'd'), { system: 'velt.comments', organizationId: 'o', documentId: 'd' });
    await dispatchDue(place.workplace, 'velt.documents');
    expect(await claimed()).toEqual([]);
    await close('velt.comments', 'credentials', 'null');
    await dispatchDue(place.workplace, 'velt.documents');
    expect(await claimed()).toHaveLength(1);
    expect(await place.query('select code from warning')).toEqual([{ code: 'document_before_comments' }]);
  });

  it('is nothing of a cancelled request, and a selector that has erased is not called cancelled', async () => {
    const id = await submit(1, { system: 'supermemory.documents', containerTags: ['t', 'u'] });
    await place.query(
      `update item set passes = 1, attempts = 1, erased_seen = true, matched = 3
        where id = (select id from item where request_id = $1 order by id limit 1)`,
      [id],
    );
    expect(await cancelRequest(place.workplace, id, 'key_1')).toEqual({ kind: 'cancelled' });
    const items = await place.query('select outcome from item where request_id = $1 order by id', [id]);
    expect(items).toEqual([{ outcome: 'unconfirmed' }, { outcome: 'cancelled' }]);
    await dispatchDue(place.workplace, 'supermemory.documents');
    expect(await claimed()).toEqual([]);
  });
});
