import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertItems, systemsAlsoRequested } from '../../src/store/insert-items.js';
import { newId } from '../../src/store/identifiers.js';
import { bytes, storedWork } from './stored-work.js';
import type { StoredWork } from './stored-work.js';

describe('new items', () => {
  let work: StoredWork;
  beforeAll(async () => {
    work = await storedWork();
  });
  afterAll(() => work.close());

  it('are pending, due at once, counted on their request, each with the columns of its own group', async () => {
    const kinds = ['id', 'selector'] as const;
    const seeds = Array.from({ length: 500 }, (_, no) => ({
      system: `a.s${no % 3}`,
      kind: kinds[no % 2] ?? 'id',
      lane: `l${no % 7}`,
      externalId: `e${no}`,
      group: no % 5 === 0 ? null : `g${no % 5}`,
      scope: no % 4 === 0 ? null : `o${no % 4}`,
      rank: no % 3,
      warns: no % 3 === 2,
    }));
    const keys = await work.request(seeds);
    const rows = await work.query<Record<string, unknown>>(
      `select system, kind, lane, digest, order_group, order_scope, order_rank, order_warns, block, slot, outcome, selector_id,
        due_at <= now() as is_due, deadline = (select due_at from erasure_request r where r.id = request_id) as has_deadline
        from item where request_id = $1 order by id`,
      [keys[0]?.requestId],
    );
    expect(rows).toEqual(
      seeds.map((seed, slot) => ({
        system: seed.system,
        kind: seed.kind,
        lane: bytes(`lane ${seed.lane}`),
        digest: bytes(`${seed.system} ${seed.lane} ${seed.externalId}`),
        order_group: seed.group === null ? null : bytes(`group ${seed.group}`),
        order_scope: seed.scope === null ? null : bytes(`scope ${seed.scope}`),
        order_rank: seed.rank,
        order_warns: seed.warns,
        block: 1,
        slot,
        outcome: 'pending',
        selector_id: null,
        is_due: true,
        has_deadline: true,
      })),
    );
    const counts = await work.query('select pending, status from erasure_request where id = $1', [keys[0]?.requestId]);
    expect(counts).toEqual([{ pending: 500, status: 'queued' }]);
  });

  it('are refused twice in one request, and without their request', async () => {
    await expect(work.request([{ externalId: 'twice' }, { externalId: 'twice' }])).rejects.toThrow('submitted_once');
    const orphan = { id: newId(), group: 0, digest: bytes('x'), block: 1, slot: 0 };
    const group = { system: 'a', kind: 'id', lane: bytes('l'), orderGroup: null, orderScope: null } as const;
    await expect(
      work.database.transaction((tx) =>
        insertItems(tx, [
          {
            id: newId(),
            dueAt: new Date(0),
            held: false,
            groups: [{ ...group, orderRank: 0, orderWarns: false }],
            items: [orphan],
          },
        ]),
      ),
    ).rejects.toThrow('request');
  });

  it('are found in other requests by their digests, and never in their own', async () => {
    const [one] = await work.request([{ system: 'a.also', externalId: 'same' }]);
    const [other] = await work.request([
      { system: 'a.also', externalId: 'same' },
      { system: 'b.also', externalId: 'new' },
    ]);
    const digests = [bytes('a.also undefined same'), bytes('b.also undefined new')];
    const also = async (...ids: string[]) => {
      const asks = ids.flatMap((requestId) => digests.map((digest) => ({ requestId, digest })));
      const found = await systemsAlsoRequested(work.database, asks);
      return found.map(({ requestId, system }) => `${ids.indexOf(requestId)} ${system}`).toSorted();
    };
    const [first, second] = [one?.requestId ?? '', other?.requestId ?? ''];
    expect(await also(second)).toEqual(['0 a.also']);
    expect(await also(first)).toEqual(['0 a.also', '0 b.also']);
    // Asked about together, the first does not know of the second.
    expect(await also(first, second)).toEqual(['1 a.also']);
    const never = { requestId: newId(), digest: bytes('never') };
    expect(await systemsAlsoRequested(work.database, [never])).toEqual([]);
  });
});
