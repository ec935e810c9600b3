/** What people do to items: retry, cancel, resolve. Each in the caller's transaction, its request locked. */
import type { Kind, Outcome } from '../core/item.js';
import type { Statement, Transaction } from './database.js';

const LOCK_REQUEST: Statement = {
  name: 'lock-request',
  text: `select r.id, r.pending, r.cancelled_at is not null as cancelled, r.shredded_at is not null as shredded, k.wrapped
    from erasure_request r left join request_key k on k.request_id = r.id where r.id = $1 for update of r`,
};
export interface HeldRequest {
  readonly id: string;
  readonly pending: number;
  readonly cancelled: boolean;
  readonly shredded: boolean;
  readonly wrapped: Buffer | null;
}

/** Locks a request against everything, a call that is about to begin included; null when there is none. */
export async function holdRequest(tx: Transaction, id: string): Promise<HeldRequest | null> {
  return (await tx.rows<HeldRequest>(LOCK_REQUEST, [id]))[0] ?? null;
}

/** A new budget; what earlier calls may have done stays known. */
const RETRY_ITEMS: Statement = {
  name: 'retry-items',
  text: `update item set outcome = 'pending', evidence = null, reason = null, settled_at = null, due_at = now(), suspect_id = null,
      spent = 0, strikes = 0, backoff = 0, passes = 0, unclear_since = null
    where request_id = $1 and outcome in ('failed', 'unconfirmed') and resolution is null and ($2::uuid is null or id = $2)
    returning id, system`,
};

export interface RetriedItem {
  readonly id: string;
  readonly system: string;
}

/** Sends failed and unconfirmed items again: all of a request, or one. Gives them. */
export async function retryRows(tx: Transaction, requestId: string, itemId: string | null): Promise<RetriedItem[]> {
  return tx.rows<RetriedItem>(RETRY_ITEMS, [requestId, itemId]);
}

const ITEM_EXISTS: Statement = {
  name: 'item-exists',
  text: 'select 1 as one from item where request_id = $1 and id = $2',
};
export async function itemExists(tx: Transaction, requestId: string, itemId: string): Promise<boolean> {
  return (await tx.rows(ITEM_EXISTS, [requestId, itemId])).length > 0;
}

const MARK_CANCELLED: Statement = {
  name: 'mark-cancelled',
  text: 'update erasure_request set cancelled_at = coalesce(cancelled_at, now()), held = null where id = $1',
};
/** An item in a call under way is left to that call; one that an earlier call may have deleted cannot be called cancelled. */
const CANCEL_ITEMS: Statement = {
  name: 'cancel-items',
  text: `update item i set outcome = case when i.unknown_effect or i.erased_seen then 'unconfirmed' else 'cancelled' end, settled_at = now(), held = false
    where i.request_id = $1 and i.outcome = 'pending'
      and not exists (select from claim c join batch b on b.id = c.batch_id
        where c.request_id = i.request_id and c.item_id = i.id and b.state = 'sending')
    returning i.request_id as "requestId", i.id, i.system, i.kind, i.block, i.slot, i.outcome`,
};

/** An item that was cancelled, or rests as `unconfirmed` because of it. */
export interface CancelledItem {
  readonly requestId: string;
  readonly id: string;
  readonly system: string;
  readonly kind: Kind;
  readonly block: number;
  readonly slot: number;
  readonly outcome: Outcome;
}

/** Cancels a request: nothing of it that is not under way is sent again. Gives the items that this settled. */
export async function cancelRows(tx: Transaction, requestId: string): Promise<CancelledItem[]> {
  await tx.run(MARK_CANCELLED, [requestId]);
  return tx.rows<CancelledItem>(CANCEL_ITEMS, [requestId]);
}

const RESOLVE_ITEM: Statement = {
  name: 'resolve-item',
  text: `update item set resolution = $3, resolution_block = $4, resolved_by = $5, resolved_at = now()
    where request_id = $1 and id = $2 and outcome in ('failed', 'unconfirmed') and resolution is null returning system`,
};

/** Closes an open item by hand. Gives its system, or null when it is not open. */
export async function resolveRow(
  tx: Transaction,
  at: { readonly requestId: string; readonly itemId: string },
  how: { readonly resolution: string; readonly block: number; readonly actor: string },
): Promise<string | null> {
  const rows = await tx.rows<{ system: string }>(RESOLVE_ITEM, [
    at.requestId,
    at.itemId,
    how.resolution,
    how.block,
    how.actor,
  ]);
  return rows[0]?.system ?? null;
}
