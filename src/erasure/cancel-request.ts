import { appendEvents } from '../ledger/append.js';
import type { NewEvent } from '../ledger/append.js';
import { Commitments, itemValue } from '../ledger/commitment.js';
import { cancelRows, holdRequest } from '../store/change-items.js';
import type { CancelledItem, HeldRequest } from '../store/change-items.js';
import type { Transaction } from '../store/database.js';
import { OpenedValues } from '../store/sealed-values.js';
import { warnWhereAllAbsent } from '../store/settle.js';
import { announceSettled } from './announce-settled.js';
import { resultsOf } from './call-events.js';
import { scopeKey } from './draft-items.js';
import type { Workplace } from './workplace.js';

export type Cancelled = { readonly kind: 'cancelled' | 'not_found' | 'nothing_pending' };

/**
 * Cancels what no call could have deleted. A call in flight runs to its end and its clear answer is recorded; what is
 * then still unclear becomes `unconfirmed`; nothing is sent again. `actor` is who wants it.
 */
export async function cancelRequest(workplace: Workplace, requestId: string, actor: string): Promise<Cancelled> {
  const result = await workplace.database.transaction(async (tx): Promise<Cancelled> => {
    const request = await holdRequest(tx, requestId);
    if (request === null) return { kind: 'not_found' };
    if (request.pending === 0) return { kind: 'nothing_pending' };
    const items = await cancelRows(tx, requestId);
    await appendEvents(tx, [await cancelledEvent(tx, workplace, request, items, actor)]);
    await warnWhereAllAbsent(tx, [requestId]);
    await announceSettled(tx, workplace, [requestId]);
    return { kind: 'cancelled' };
  });
  // Documents of other requests may have waited for what was cancelled.
  if (result.kind === 'cancelled') workplace.doorbell.ring([...workplace.systems.keys()]);
  return result;
}

/** Every item that this settled, committed to: an item that was never sent stands in no call. */
async function cancelledEvent(
  tx: Transaction,
  workplace: Workplace,
  request: HeldRequest,
  items: readonly CancelledItem[],
  actor: string,
): Promise<NewEvent> {
  const values = await OpenedValues.read(tx, workplace.vault, items);
  // A key that does not open, as after a restore out of two backups, must not keep anybody from cancelling.
  const key = values.keys.get(request.id);
  const commitments = key === undefined ? null : new Commitments(key);
  const lines = items.map((item) => {
    const value = values.at(item);
    const text = value && itemValue(item.system, item.kind, scopeKey(value.scope), value.externalId);
    const commitment = text === null ? null : (commitments?.of(`item/${item.id}`, text) ?? null);
    const { id, outcome } = item;
    const says = { answer: null, outcome, evidence: null, reason: null, selector: null, pass: null };
    return { item: [id, commitment] as const, says };
  });
  return { stream: request.id, type: 'cancelled', actor, data: { results: resultsOf(lines) } };
}
