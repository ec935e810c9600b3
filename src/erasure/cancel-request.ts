import { cancelRows, holdRequest } from '../store/change-items.js';
import { warnWhereAllAbsent } from '../store/settle.js';
import { announceSettled } from './announce-settled.js';
import type { Workplace } from './workplace.js';

export type Cancelled = { readonly kind: 'cancelled' | 'not_found' | 'nothing_pending' };

/**
 * Cancels what no call could have deleted. A call in flight runs to its end and its clear answer is recorded; what is
 * then still unclear becomes `unconfirmed`; nothing is sent again.
 */
export async function cancelRequest(workplace: Workplace, requestId: string): Promise<Cancelled> {
  const result = await workplace.database.transaction(async (tx): Promise<Cancelled> => {
    const request = await holdRequest(tx, requestId);
    if (request === null) return { kind: 'not_found' };
    if (request.pending === 0) return { kind: 'nothing_pending' };
    await cancelRows(tx, requestId);
    await warnWhereAllAbsent(tx, [requestId]);
    await announceSettled(tx, workplace, [requestId]);
    return { kind: 'cancelled' };
  });
  // Documents of other requests may have waited for what was cancelled.
  if (result.kind === 'cancelled') workplace.doorbell.ring([...workplace.systems.keys()]);
  return result;
}
