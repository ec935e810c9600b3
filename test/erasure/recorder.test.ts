import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Reading } from '../../src/core/answer.js';
import type { FinishedCall } from '../../src/erasure/finished-call.js';
import { Recorder } from '../../src/erasure/recorder.js';
import { Intake } from '../../src/erasure/intake.js';
import { beginAttempts, readSendable } from '../../src/store/attempts.js';
import { claimBatches, takeBatches } from '../../src/store/batches.js';
import { newId } from '../../src/store/identifiers.js';
import { answered, REFUSED, UNCLEAR, WORDLESS } from './judged-calls.js';
import { realWorkplace, target } from './real-workplace.js';
import type { RealWorkplace } from './real-workplace.js';

const AT = { system: 'velt.documents', provider: 'velt', probe: false };
const remarks = { providerStatus: null, providerMessage: null, providerCount: null, anomalies: [] };
const RATE: Reading = { ...remarks, verdict: 'blocked', reason: 'rate', retryAfterMs: 1000, effect: 'none' };

describe('a recorder', () => {
  let place: RealWorkplace;
  beforeAll(async () => {
    place = await realWorkplace();
  });
  afterAll(() => place.close());

  /** A call that was begun for the items of a new request, and ended with this reading. */
  async function ended(externalIds: readonly string[], reading: Reading, httpStatus = 200): Promise<FinishedCall> {
    const { workplace } = place;
    const documents = target({ system: 'velt.documents', organizationId: 'o', documentIds: externalIds });
    const submission = { subjectRef: 'user', receivedAt: null, note: null, targets: [documents] };
    const submitted = await new Intake(workplace).submit(submission, { actor: 'me', source: 'api' }, null);
    if (submitted.kind !== 'accepted') throw new Error('it was not accepted');
    const stored = await place.query<{ id: string }>('select id from item where request_id = $1 order by id', [
      submitted.id,
    ]);
    const [batchId, attemptId] = [newId(), newId()];
    return workplace.database.transaction(async (tx) => {
      const items = stored.map(({ id }) => ({ requestId: submitted.id, id }));
      await claimBatches(tx, AT, [{ id: batchId, items }]);
      const [taken] = await takeBatches(tx, [{ id: batchId, epoch: 1 }], 45_000);
      const sendable = await readSendable(tx, [batchId]);
      await beginAttempts(tx, [{ id: attemptId, batchId, epoch: 2, ...AT, ids: items.length, items }]);
      return {
        ...AT,
        attemptId,
        batchId,
        epoch: taken?.epoch ?? 0,
        selects: false,
        items: sendable.map((item, at) => ({ ...item, scope: documents.scope, externalId: externalIds[at] ?? '' })),
        commitments: new Map(),
        distinct: externalIds.length,
        sent: { reading, httpStatus, sha256: null, left: true },
      };
    });
  }
  const erasing = (id: string, httpStatus?: number) =>
    ended([id], answered({ [id]: { said: 'erased', evidence: 'provider', ...WORDLESS } }), httpStatus);
  const outcomes = async (call: FinishedCall) => {
    const sql = 'select outcome, attempts, suspect_id from item where request_id = $1 order by id';
    return place.query<{ outcome: string; attempts: number; suspect_id: string | null }>(sql, [
      call.items[0]?.requestId,
    ]);
  };

  it('records many calls that end together, each for itself', async () => {
    const recorder = new Recorder(place.workplace);
    const calls: FinishedCall[] = [];
    for (let no = 0; no < 20; no += 1) calls.push(await erasing(`together${no}`));
    await Promise.all(calls.map((call) => recorder.record(call)));
    for (const call of calls) expect(await outcomes(call)).toMatchObject([{ outcome: 'erased', attempts: 1 }]);
    expect(await place.query('select from batch')).toEqual([]);
    expect(await place.query('select from attempt where verdict is null')).toEqual([]);
  });

  it('does not let a call that cannot be recorded take its company with it', async () => {
    const recorder = new Recorder(place.workplace);
    const [first, good, other] = [await erasing('first'), await erasing('good'), await erasing('other')];
    const bad = await erasing('bad', 2 ** 40);
    const ends = await Promise.allSettled([first, good, bad, other].map((call) => recorder.record(call)));
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
    for (const call of [first, good, other]) expect(await outcomes(call)).toMatchObject([{ outcome: 'erased' }]);
    expect(await outcomes(bad)).toMatchObject([{ outcome: 'pending', attempts: 0 }]);
    const [batch] = await place.query<{ state: string }>('select state from batch where id = $1', [bad.batchId]);
    expect(batch?.state).toBe('sending');
    await recorder.record(await erasing('after'));
    const [left] = await place.query('select from attempt where id = $1 and verdict is null', [bad.attemptId]);
    expect(left).toBeDefined();
    await place.query('delete from claim where batch_id = $1', [bad.batchId]);
    await place.query('delete from batch where id = $1', [bad.batchId]);
  });

  it('changes nothing for a call whose batch is no longer its own, and keeps no second answer', async () => {
    const recorder = new Recorder(place.workplace);
    const call = await erasing('late');
    await recorder.record({ ...call, sent: null, items: [] });
    expect(await outcomes(call)).toMatchObject([{ outcome: 'pending', attempts: 1 }]);
    await recorder.record(call);
    await recorder.record(call);
    expect(await outcomes(call)).toMatchObject([{ outcome: 'pending', attempts: 1 }]);
    const [attempt] = await place.query<object>('select verdict, late, http_status from attempt where id = $1', [
      call.attemptId,
    ]);
    expect(attempt).toEqual({ verdict: 'interrupted', late: true, http_status: 200 });
  });

  it('says nothing of an item that its batch held and its lost call did not carry', async () => {
    const recorder = new Recorder(place.workplace);
    const [call, other] = [await erasing('lost'), await erasing('unsent')];
    await place.query('update claim set batch_id = $2 where batch_id = $1', [other.batchId, call.batchId]);
    await place.query('delete from batch where id = $1', [other.batchId]);
    await recorder.record({ ...call, sent: null, items: [] });
    const sql = 'select outcome, attempts, unknown_effect from item where request_id = any ($1) order by attempts';
    const requestIds = [call, other].map(({ items }) => items[0]?.requestId);
    expect(await place.query(sql, [requestIds])).toEqual([
      { outcome: 'pending', attempts: 0, unknown_effect: false },
      { outcome: 'pending', attempts: 1, unknown_effect: true },
    ]);
    expect(await place.query('select from claim where request_id = any ($1)', [requestIds])).toEqual([]);
    expect(await place.query(`select from ledger_event where stream = $1`, [requestIds[1]])).toHaveLength(1);
  });

  it('gives an ID alone back every attempt that calls spent which closed the gate', async () => {
    const recorder = new Recorder(place.workplace);
    const alone = await ended(['lonely'], UNCLEAR);
    const again = async (): Promise<FinishedCall> => {
      const [batchId, attemptId] = [newId(), newId()];
      await place.workplace.database.transaction(async (tx) => {
        await claimBatches(tx, AT, [{ id: batchId, items: alone.items }]);
        await takeBatches(tx, [{ id: batchId, epoch: 1 }], 45_000);
        await beginAttempts(tx, [{ id: attemptId, batchId, epoch: 2, ...AT, ids: 1, items: alone.items }]);
      });
      return { ...alone, batchId, attemptId };
    };
    await recorder.record(alone);
    for (let call = 2; call <= 5; call += 1) await recorder.record(await again());
    const [gate] = await place.query<{ reason: string }>(`select reason from gate where system = 'velt.documents'`);
    const [item] = await place.query<object>('select spent, attempts from item where id = $1', [alone.items[0]?.id]);
    expect([gate?.reason, item]).toEqual(['outage', { spent: 0, attempts: 5 }]);
    await recorder.record(await erasing('opening'));
  });

  it('keeps a company of suspects together through a pause of its provider', async () => {
    const recorder = new Recorder(place.workplace);
    const call = await ended(['a', 'b', 'c', 'd'], REFUSED, 400);
    await recorder.record(call);
    const halved = (await outcomes(call)).map(({ suspect_id }) => suspect_id);
    expect(new Set(halved).size).toBe(2);
    const half = call.items.slice(0, 2);
    const [batchId, attemptId] = [newId(), newId()];
    await place.workplace.database.transaction(async (tx) => {
      await claimBatches(tx, AT, [{ id: batchId, items: half }]);
      await takeBatches(tx, [{ id: batchId, epoch: 1 }], 45_000);
      await beginAttempts(tx, [{ id: attemptId, batchId, epoch: 2, ...AT, ids: 2, items: half }]);
    });
    const sent = { reading: RATE, httpStatus: 429, sha256: null, left: true };
    await recorder.record({ ...call, batchId, attemptId, items: half, distinct: 2, sent });
    const after = (await outcomes(call)).map(({ suspect_id }) => suspect_id);
    expect(after[0]).not.toBeNull();
    expect(after[0]).toBe(after[1]);
    expect(after[2]).toBe(halved[2]);
  });
});
