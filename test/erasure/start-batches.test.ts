import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBatches } from '../../src/erasure/start-batches.js';
import { submitRequest } from '../../src/erasure/submit-request.js';
import { claimBatches } from '../../src/store/batches.js';
import { newId } from '../../src/store/identifiers.js';
import { realWorkplace, target } from './real-workplace.js';
import type { RealWorkplace } from './real-workplace.js';

describe('batches that begin together', () => {
  let place: RealWorkplace;
  beforeAll(async () => {
    place = await realWorkplace();
  });
  afterAll(() => place.close());

  async function claimed(externalId: string): Promise<string> {
    const { workplace } = place;
    const documents = target({ system: 'velt.documents', organizationId: 'o', documentIds: [externalId] });
    const submission = { subjectRef: 'user', receivedAt: null, note: null, targets: [documents] };
    const submitted = await submitRequest(workplace, submission, { actor: 'me', source: 'api' }, null);
    if (submitted.kind !== 'accepted') throw new Error('it was not accepted');
    const items = await place.query<{ id: string }>('select id from item where request_id = $1', [submitted.id]);
    const batchId = newId();
    const at = { system: 'velt.documents', provider: 'velt', probe: false };
    const claims = items.map(({ id }) => ({ requestId: submitted.id, id }));
    await workplace.database.transaction((tx) => claimBatches(tx, at, [{ id: batchId, items: claims }]));
    return batchId;
  }

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
});
