import { appendEvents, SERVICE } from '../ledger/append.js';
import { sqlState } from '../store/database.js';
import { holdForShredding, pastRetention, shredRows } from '../store/shred-rows.js';
import type { Workplace } from './workplace.js';

export type Shredded = { readonly kind: 'shredded' | 'not_found' | 'not_settled' | 'needs_attention' };

/** However many are past their time, a look takes a few: each is a transaction of its own. */
const SHREDDED_PER_LOOK = 50;

/**
 * Destroys the key and the digests of a settled request: who it was about, its IDs, its note and what providers said are
 * gone for good, outcomes and counts stay. Done already counts as done. A request in `attention` still needs its values,
 * unless `abandon` says that nobody will come back to it. The ledger keeps who did it; its commitments cannot be opened then.
 */
export async function shredRequest(
  workplace: Pick<Workplace, 'database'>,
  requestId: string,
  { abandon, actor }: { readonly abandon: boolean; readonly actor: string },
): Promise<Shredded> {
  return workplace.database.transaction(async (tx): Promise<Shredded> => {
    const request = await holdForShredding(tx, requestId);
    if (request === null) return { kind: 'not_found' };
    if (request.shredded) return { kind: 'shredded' };
    if (!request.settled) return { kind: 'not_settled' };
    if (request.status === 'attention' && !abandon) return { kind: 'needs_attention' };
    await appendEvents(tx, [{ stream: requestId, type: 'shredded', actor, data: { status: request.status } }]);
    await shredRows(tx, requestId);
    return { kind: 'shredded' };
  });
}

/**
 * Shreds what was completed or cancelled longer than `retentionDays` ago; nothing where that is null. Gives how many it
 * shredded. One that was retried since it was found is settled no more, and stays.
 */
export async function shredPastRetention(
  workplace: Pick<Workplace, 'database' | 'log'>,
  retentionDays: number | null,
): Promise<number> {
  if (retentionDays === null) return 0;
  let shredded = 0;
  for (const id of await pastRetention(workplace.database, retentionDays, SHREDDED_PER_LOOK)) {
    try {
      if ((await shredRequest(workplace, id, { abandon: false, actor: SERVICE })).kind === 'shredded') shredded += 1;
    } catch (error) {
      // One that cannot be shredded now must not keep those behind it.
      const code = sqlState(error);
      workplace.log.warn({ erasureRequestId: id, code }, 'a request past its retention could not be shredded');
    }
  }
  return shredded;
}
