import { appendEvents } from '../ledger/append.js';
import { holdRequest, itemExists, retryRows } from '../store/change-items.js';
import type { Workplace } from './workplace.js';

export type Retried = { readonly kind: 'accepted' | 'not_found' | 'nothing_to_retry' | 'cancelled' | 'shredded' };

/**
 * Sends the failed and unconfirmed items of a request again (or the one named), with a new budget of attempts. Items that
 * a person resolved stay closed. A cancelled request is never sent again. `actor` is who wants it.
 */
export async function retryItems(
  workplace: Workplace,
  requestId: string,
  itemId: string | null,
  actor: string,
): Promise<Retried> {
  const systems: string[] = [];
  const result = await workplace.database.transaction(async (tx): Promise<Retried> => {
    systems.length = 0;
    const request = await holdRequest(tx, requestId);
    if (request === null) return { kind: 'not_found' };
    if (itemId !== null && !(await itemExists(tx, requestId, itemId))) return { kind: 'not_found' };
    if (request.shredded) return { kind: 'shredded' };
    if (request.cancelled) return { kind: 'cancelled' };
    const items = await retryRows(tx, requestId, itemId);
    systems.push(...items.map((item) => item.system));
    const data = { items: items.map((item) => item.id) };
    if (items.length > 0) await appendEvents(tx, [{ stream: requestId, type: 'retried', actor, data }]);
    return { kind: systems.length === 0 ? 'nothing_to_retry' : 'accepted' };
  });
  if (result.kind === 'accepted') workplace.doorbell.ring([...new Set(systems)]);
  return result;
}
