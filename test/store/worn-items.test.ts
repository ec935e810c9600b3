import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Verdict } from '../../src/core/answer.js';
import { beginAttempts, endAttempts } from '../../src/store/attempts.js';
import { claimBatches } from '../../src/store/batches.js';
import { ensureGates } from '../../src/store/gates.js';
import { newId } from '../../src/store/identifiers.js';
import { readWorn, restItems } from '../../src/store/worn-items.js';
import { storedWork } from './stored-work.js';
import type { Key, StoredWork } from './stored-work.js';

const MINUTE_MS = 60_000;

describe('an item whose attempts are spent', () => {
  let work: StoredWork;
  beforeAll(async () => {
    work = await storedWork();
    await ensureGates(work.database, [
      { name: 'a.things', provider: 'a' },
      { name: 'a.others', provider: 'a' },
    ]);
  });
  afterAll(() => work.close());

  async function called(keys: readonly Key[], verdict: Verdict, spent = false, system = 'a.things'): Promise<string> {
    const id = newId();
    const call = { id, batchId: newId(), epoch: 1, system, provider: 'a', probe: false, ids: 1, items: keys };
    await work.database.transaction((tx) => beginAttempts(tx, [call]));
    await work.database.transaction((tx) =>
      endAttempts(tx, [{ id, verdict, httpStatus: null, providerCount: null, spent }]),
    );
    return id;
  }
  async function worn(): Promise<{ key: Key; attemptId: string }> {
    const [key] = await work.request([{}]);
    if (!key) throw new Error('nothing was stored');
    const attemptId = await called([key], 'unclear', true);
    await work.set([key], 'spent = 8, last_attempt_at = clock_timestamp()');
    return { key, attemptId };
  }
  const look = (key: Key) => work.database.transaction((tx) => readWorn(tx, 'a', [key], MINUTE_MS));

  it('is in a row that may close the gate as long as the call that spent is one of its silent ones', async () => {
    const { key, attemptId } = await worn();
    expect(await look(key)).toMatchObject([{ ...key, spent: 8, inSilentRow: false }]);
    const another = await called([key], 'unclear');
    await work.query('update gate set silent = $1', [[another]]);
    expect(await look(key)).toMatchObject([{ inSilentRow: false }]);
    await work.query('update gate set silent = $1', [[another, attemptId]]);
    expect(await look(key)).toMatchObject([{ inSilentRow: true }]);
    await work.query(`update gate set silent = '{}'`);
  });

  it('is spoken against by an answer or a refusal that its own system gave after its last call, and by nothing else', async () => {
    const { key } = await worn();
    const [other] = await work.request([{}]);
    if (!other) throw new Error('nothing was stored');
    await called([other], 'unclear');
    await called([other], 'interrupted');
    await called([other], 'blocked');
    await called([other], 'answered', false, 'a.others');
    expect(await look(key)).toMatchObject([{ answeredSince: false }]);
    await called([other], 'refused');
    expect(await look(key)).toMatchObject([{ answeredSince: true }]);
    await work.set([key], 'last_attempt_at = clock_timestamp()');
    expect(await look(key)).toMatchObject([{ answeredSince: false }]);
    await called([other], 'answered');
    expect(await look(key)).toMatchObject([{ answeredSince: true }]);
  });

  it('is not looked at while a batch holds it, nor once it is settled', async () => {
    const [{ key }, { key: claimed }] = [await worn(), await worn()];
    const at = { system: 'a.things', provider: 'a', probe: false };
    await work.database.transaction((tx) => claimBatches(tx, at, [{ id: newId(), items: [claimed] }]));
    expect(await look(claimed)).toEqual([]);
    await work.database.transaction((tx) => restItems(tx, [key]));
    expect(await look(key)).toEqual([]);
    expect(
      await work.query(
        'select outcome, unconfirmed, pending from item join erasure_request r on r.id = request_id where request_id = $1',
        [key.requestId],
      ),
    ).toEqual([{ outcome: 'unconfirmed', unconfirmed: 1, pending: 0 }]);
  });
});
